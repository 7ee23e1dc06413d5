"""Import of NIR graphs as networks of the chip, with declarations of all approximations."""

from __future__ import annotations

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
from chip.nir.assemble import assemble
from chip.nir.declarations import Declaration, declarations_of, saturation
from chip.nir.discretise import DiscreteNeurons, Reset, discretise
from chip.nir.export import DT_S, export_nir
from chip.nir.graph import Graph, graph_of
from chip.nir.hdf5 import read_tree
from chip.nir.metadata import stated_step, unpack
from chip.nir.quantise import Quantised, quantise, shifts_of
from chip.nir.reference import checked_spikes, reference_run, trial_spikes

__all__ = ["NirImport", "Translation", "import_nir", "read_nir"]


Fit = NDArray[np.integer[Any]] | Literal["trial"] | None


@dataclass(frozen=True)
class Translation:
    """Intermediate results of an import, for measurements.

    Args:
        neurons: neurons of the graph.
        folded: neurons without synaptic currents.
        quantised: their integers.
        reset: reset of the tool that wrote the graph.
    """

    neurons: DiscreteNeurons
    folded: DiscreteNeurons
    quantised: Quantised
    reset: Reset


@dataclass(frozen=True)
class NirImport:
    """Imported network and the declarations of its import.

    Args:
        network: network of the chip.
        declarations: differences between NIR and the chip, node by node.
        dt_s: assumed duration of a step in seconds.
        translation: the real numbers before quantisation; None if metadata stored the integers.
    """

    network: Network
    declarations: tuple[Declaration, ...]
    dt_s: float
    translation: Translation | None

    @property
    def exact(self) -> bool:
        """Return whether nothing was approximated."""
        return all(declaration.exact for declaration in self.declarations)


def read_nir(
    path: Path,
    arch: ArchSpec,
    *,
    dt_s: float | None = None,
    reset: Reset = "zero",
    fit: Fit = None,
    plain: bool = False,
) -> NirImport:
    """Import a NIR file; see ``import_nir``.

    Raises:
        NetworkError: it cannot be read, or see ``import_nir``; names the file.
    """
    data = read_bytes(path)
    try:
        return import_nir(data, arch, dt_s=dt_s, reset=reset, fit=fit, plain=plain)
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
) -> NirImport:
    """Convert a NIR graph to a network of the chip.

    Args:
        source: the bytes of a NIR file, or a ``nir.NIRGraph``.
        arch: ranges of weights, thresholds, feedback and leaks.
        dt_s: duration of a step in seconds, which NIR leaves open; 0.1 ms unless the metadata state it.
        reset: reset of the tool in which the graph was trained: to ``v_reset``, as NIR defines it, or by subtracting
            the threshold, as the chip and many tools do.
        fit: input spikes, [step, input], on which the feedback of neurons that are reset to a value is fitted: the
            mean that such a reset subtracts there, instead of the least. This preserves spike counts. "trial" for
            random spikes.
        plain: ignore the integers in the metadata of an export by ``export_nir``.

    Raises:
        NetworkError: the file is damaged or the graph holds what the chip cannot do; names the node.
        MissingPackageError: a package is missing that reads NIR.
    """
    if reset not in ("zero", "subtract"):
        raise NetworkError(f"is {reset!r}, not 'zero' or 'subtract'", where="reset")
    if dt_s is not None and not 0 < dt_s < float("inf"):
        raise NetworkError(f"is {dt_s}, not a time above 0", where="dt_s")
    graph = graph_of(read_tree(source) if isinstance(source, bytes) else source.to_dict())
    if not plain and (stored := unpack(graph.metadata)) is not None:
        _require_same(graph, *stored)
        return NirImport(stored[0], (), stored[1], None)
    if dt_s is None:
        dt_s = stated_step(graph.metadata) or DT_S
    return _translate(graph, arch, dt_s, reset, fit)


def _translate(graph: Graph, arch: ArchSpec, dt_s: float, reset: Reset, fit: Fit) -> NirImport:
    neurons = discretise(graph, dt_s)
    if fit is not None and reset == "zero":
        neurons = _fit_feedback(
            neurons, trial_spikes(neurons.n_inputs, seed=1) if isinstance(fit, str) else fit
        )
    folded = without_currents(neurons)
    shifts = shifts_of(folded.beta, arch)
    quantised = quantise(folded, arch, shifts > 0)
    network, declared = assemble(folded, quantised, shifts, arch)
    declarations = (*declarations_of(neurons, folded, quantised, shifts, dt_s, reset), *declared)
    declarations = (saturation(network, arch.v_sat), *declarations)
    return NirImport(network, declarations, dt_s, Translation(neurons, folded, quantised, reset))


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
