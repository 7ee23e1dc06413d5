"""Import of NIR graphs as networks of the chip, with declarations of all approximations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from chip.arch import ArchSpec
from chip.errors import ChipError, NetworkError
from chip.file_io import read_bytes
from chip.network import Network
from chip.nir.acceptance import require_right, vanished
from chip.nir.declarations import declarations_of, saturation
from chip.nir.discretise import DiscreteNeurons, Reset, discretise
from chip.nir.export import DT_S, export_nir
from chip.nir.graph import Graph, graph_of
from chip.nir.hdf5 import read_tree
from chip.nir.imported import NirImport, Translation
from chip.nir.mapping.assemble import assemble
from chip.nir.mapping.plan import PLANS, Plan
from chip.nir.mapping.quantise import quantise
from chip.nir.metadata import stated_step, unpack
from chip.nir.reference import checked_spikes, reference_run, trial_spikes
from chip.nir.trial import ALL, AgreementTrial

__all__ = ["ImportOptions", "NirImport", "Translation", "import_nir", "read_nir"]

# Agreement at which no costlier layout is tried.
_GOOD = 0.999
# The same for layouts with taps, which take many neurons; and the neurons up to which they are tried.
_GOOD_WITHOUT_TAPS, _MOST_WITH_TAPS = 0.96, 96

Fit = NDArray[np.integer[Any]] | Literal["trial"] | None


@dataclass(frozen=True)
class ImportOptions:
    """Settings of an import; see ``import_nir``."""

    dt_s: float
    reset: Reset
    fit: Fit
    spikes: NDArray[np.integer[Any]] | None
    plans: Sequence[Plan]


def read_nir(
    path: Path,
    arch: ArchSpec,
    *,
    dt_s: float | None = None,
    reset: Reset = "zero",
    fit: Fit = None,
    plain: bool = False,
    spikes: NDArray[np.integer[Any]] | None = None,
    lossy: bool = False,
) -> NirImport:
    """Import a NIR file; see ``import_nir``.

    Raises:
        NetworkError: it cannot be read, or see ``import_nir``; names the file.
        FitError: see ``import_nir``.
    """
    data = read_bytes(path)
    try:
        return import_nir(
            data, arch, dt_s=dt_s, reset=reset, fit=fit, plain=plain, spikes=spikes, lossy=lossy
        )
    except ChipError as error:
        error.where = f"{path}: {error.where}" if error.where else str(path)
        raise


def import_nir(
    source: Any,
    arch: ArchSpec,
    *,
    dt_s: float | None = None,
    reset: Reset = "zero",
    fit: Fit = None,
    plain: bool = False,
    spikes: NDArray[np.integer[Any]] | None = None,
    lossy: bool = False,
    plans: Sequence[Plan] = PLANS,
) -> NirImport:
    """Convert a NIR graph to a network of the chip, and measure its agreement with the graph in real numbers.

    Args:
        source: the bytes of a NIR file, or a ``nir.NIRGraph``.
        arch: ranges of weights, thresholds, feedback and leaks.
        dt_s: duration of a step in seconds, which NIR leaves open; 0.1 ms unless the metadata state it.
        reset: reset of the tool in which the graph was trained: to ``v_reset``, as NIR defines it; by subtracting
            the threshold, as the chip and many tools do; or by subtracting it a step late, after the leak, as
            snnTorch's ``Leaky`` does by default.
        fit: input spikes, [step, input], on which the feedback of neurons that are reset to a value is fitted: the
            mean that such a reset subtracts there, instead of the least. This preserves spike counts. "trial" for
            random spikes.
        plain: ignore the integers in the metadata of an export by ``export_nir``.
        spikes: input, [step, input], on which the agreement is measured; random spikes by default.
        lossy: accept an agreement below ``LEAST_AGREEMENT``, or one that cannot be measured.
        plans: layouts to try, in this order.

    Raises:
        NetworkError: the file is damaged or the graph holds what the chip cannot do; names the node.
        FitError: the network would not do what the graph does; names the node, and an option that helps.
        MissingPackageError: a package is missing that reads NIR.
    """
    if reset not in ("zero", "subtract", "snntorch"):
        raise NetworkError(f"is {reset!r}, not 'zero', 'subtract' or 'snntorch'", where="reset")
    if dt_s is not None and not 0 < dt_s < float("inf"):
        raise NetworkError(f"is {dt_s}, not a time above 0", where="dt_s")
    graph = graph_of(read_tree(source) if isinstance(source, bytes) else source.to_dict())
    if not plain and (stored := unpack(graph.metadata)) is not None:
        _require_same(graph, *stored)
        return NirImport(stored[0], (), stored[1], None, {}, "")
    if dt_s is None:
        dt_s = stated_step(graph.metadata) or DT_S
    options = ImportOptions(dt_s, reset, fit, spikes, plans)
    imported = _translate(graph, arch, options)
    if not lossy:

        def changed(**other: Any) -> NirImport:
            return _translate(graph, arch, replace(options, **other))

        require_right(imported, changed)
    return imported


def _translate(graph: Graph, arch: ArchSpec, options: ImportOptions) -> NirImport:
    neurons = discretise(graph, options.dt_s, options.reset)
    if options.fit is not None and options.reset == "zero":
        spikes = trial_spikes(neurons.n_inputs, seed=1) if isinstance(options.fit, str) else options.fit
        neurons = _fit_feedback(neurons, spikes)
    if neurons.count > arch.array.neurons.value and (found := _by_plan(neurons, PLANS[0], arch, options)):
        words = f"it has {neurons.count} neurons, {arch.name} {arch.array.neurons.value}"
        return replace(found, stimulus=words)
    trial = AgreementTrial.of(neurons, options.reset, options.spikes)
    best: NirImport | None = None
    for plan in options.plans:
        if plan.taps and best is not None and _is_enough(best):
            break
        found = _by_plan(neurons, plan, arch, options)
        if found is None:
            continue
        found = replace(found, agreement=trial.agreement(found, arch.v_sat), stimulus=trial.description)
        if best is None or found.agreement[ALL].score > best.agreement[ALL].score:
            best = found
        if found.agreement[ALL].score >= _GOOD or trial.silent or _has_vanished(found):
            break
    if best is None:
        raise NetworkError("cannot be laid out", where="nir")
    return best


def _has_vanished(found: NirImport) -> bool:
    return found.translation is not None and bool(vanished(found.translation))


def _is_enough(best: NirImport) -> bool:
    """Return whether taps are not worth their neurons, or would take too long to find."""
    return best.agreement[ALL].score >= _GOOD_WITHOUT_TAPS or len(best.network.theta_p) > _MOST_WITH_TAPS


def _by_plan(
    neurons: DiscreteNeurons, plan: Plan, arch: ArchSpec, options: ImportOptions
) -> NirImport | None:
    """Lay the neurons out by one plan; None if that takes more than the chip has."""
    folded = neurons if plan.taps else without_currents(neurons)
    if plan.taps and not ((neurons.alpha > 0) | (neurons.beta < 1)).any():
        return None
    if plan.relayed and neurons.count + neurons.n_inputs > arch.array.neurons.value:
        return None
    quantised = quantise(folded, arch, plan)
    if quantised is None:
        return None
    network, declared = assemble(folded, quantised, plan, arch)
    if plan.relayed and not _fits(network, arch):
        return None
    translation = Translation(neurons, folded, quantised, plan, options.reset)
    declarations = (
        saturation(network, arch.v_sat),
        *neurons.declared,
        *declarations_of(translation, options.dt_s),
        *declared,
    )
    return NirImport(network, declarations, options.dt_s, translation, {}, "")


def _fits(network: Network, arch: ArchSpec) -> bool:
    return (
        network.n_neurons <= arch.array.neurons.value
        and int(network.fan_in().max(initial=0)) <= arch.neuron.fan_in.value
        and int(network.fan_out().max(initial=0)) <= arch.routing.fan_out_load.value
    )


def _fit_feedback(neurons: DiscreteNeurons, spikes: NDArray[np.integer[Any]]) -> DiscreteNeurons:
    """Set the feedback to the mean that the resets subtract on these spikes."""
    _, found = reference_run(neurons, checked_spikes(neurons, spikes))
    return replace(
        neurons,
        feedback=np.where(np.isfinite(found - neurons.v_reset), found - neurons.v_reset, neurons.feedback),
    )


def without_currents(neurons: DiscreteNeurons) -> DiscreteNeurons:
    """Replace synaptic current and membrane by the slower of the two filters, with the same gain for constant input.

    A current with decay factor ``a`` and a membrane with ``b`` respond to a constant input of 1 with 1/((1-a)(1-b)).
    """
    share_current, share = 1 - neurons.alpha, 1 - neurons.beta
    filtered = neurons.alpha > 0
    gain = np.where(filtered, 1 / np.maximum(share_current, share), 1.0)
    slower = np.where(filtered, np.minimum(share_current, share), share)
    return replace(
        neurons,
        alpha=np.zeros(neurons.count),
        beta=1 - slower,
        weights=sparse.csr_array(sparse.diags_array(gain) @ neurons.weights),
        bias=neurons.bias * gain,
    )


def _require_same(graph: Graph, network: Network, dt_s: float) -> None:
    """Refuse a graph whose nodes contradict its metadata: one of them was edited.

    Raises:
        NetworkError: names the first node that differs.
    """
    hint = "the nodes were changed after the export; read them without metadata (--plain)"
    expected = graph_of(export_nir(network, dt_s=dt_s).to_dict())
    for name in sorted(set(expected.nodes) | set(graph.nodes)):
        mine, theirs = expected.nodes.get(name), graph.nodes.get(name)
        if (
            mine is None
            or theirs is None
            or mine.kind != theirs.kind
            or set(mine.fields) != set(theirs.fields)
        ):
            raise NetworkError("is not what the metadata say", where=f"node {name!r}"[:200], hint=hint)
        for field, value in mine.fields.items():
            if not np.array_equal(value, theirs.fields[field]):
                where = f"node {name!r}.{field}"[:200]
                raise NetworkError("is not what the metadata say", where=where, hint=hint)
    if set(expected.edges) != set(graph.edges):
        raise NetworkError("has other edges than the metadata say", where="nir", hint=hint)
