"""Makes a network for the chip of a NIR graph, and says what that took."""

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
from chip.nir.declare import Declaration, declarations_of, saturation
from chip.nir.export import DT_S, export_nir
from chip.nir.graph import Graph, graph_of
from chip.nir.hdf5 import read_tree
from chip.nir.metadata import stated_step, unpack
from chip.nir.quantise import Quantised, quantise, shifts_of
from chip.nir.reference import checked_spikes, reference_run, trial_spikes
from chip.nir.units import Reset, Units, units_of

__all__ = ["NirImport", "Translation", "import_nir", "read_nir"]


Fit = NDArray[np.integer[Any]] | Literal["trial"] | None


@dataclass(frozen=True)
class Translation:
    """What became of the neurons of a graph, for those who measure it.

    Args:
        units: as the graph has them.
        folded: without synaptic currents.
        quantised: their integers.
        reset: how the tool resets that the graph comes from.
    """

    units: Units
    folded: Units
    quantised: Quantised
    reset: Reset


@dataclass(frozen=True)
class NirImport:
    """A network and what was declared on its way out of NIR.

    Args:
        network: for the chip.
        declarations: what NIR and the chip do not say in the same way, node by node.
        dt_s: how long a step was taken to be.
        translation: the real numbers it came of; None if metadata held the integers.
    """

    network: Network
    declarations: tuple[Declaration, ...]
    dt_s: float
    translation: Translation | None

    @property
    def exact(self) -> bool:
        """Whether nothing was approximated."""
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
    """Make a network for a chip of a NIR graph.

    Args:
        source: the bytes of a NIR file, or a ``nir.NIRGraph``.
        arch: gives the ranges of weights, thresholds, feedback and leaks.
        dt_s: how long a step is, in seconds; NIR does not say. 0.1 ms unless the file was exported by us.
        reset: how the tool resets that the graph was trained in: to ``v_reset``, as NIR has it, or by subtracting
            the threshold, as the chip and many tools do.
        fit: input spikes, [step, input], on which the feedback of neurons that are reset to a value is chosen: what
            such a reset takes away there on average, instead of the least it can take. Counts of spikes then stay.
            "trial" for spikes at random.
        plain: take no notice of the integers that an export of ours left in the metadata.

    Raises:
        NetworkError: the file is damaged or the graph holds what the chip cannot do; names the node.
        MissingPackageError: a package is missing that reads NIR.
    """
    if reset not in ("zero", "subtract"):
        raise NetworkError(f"is {reset!r}, not 'zero' or 'subtract'", where="reset")
    if dt_s is not None and not 0 < dt_s < float("inf"):
        raise NetworkError(f"is {dt_s}, not a time above 0", where="dt_s")
    graph = graph_of(read_tree(source) if isinstance(source, bytes) else source.to_dict())
    if not plain and (held := unpack(graph.metadata)) is not None:
        _require_same(graph, *held)
        return NirImport(held[0], (), held[1], None)
    if dt_s is None:
        dt_s = stated_step(graph.metadata) or DT_S
    return _translated(graph, arch, dt_s, reset, fit)


def _translated(graph: Graph, arch: ArchSpec, dt_s: float, reset: Reset, fit: Fit) -> NirImport:
    units = units_of(graph, dt_s)
    if fit is not None and reset == "zero":
        units = _fitted(units, trial_spikes(units.n_inputs, seed=1) if isinstance(fit, str) else fit)
    folded = without_currents(units)
    shifts = shifts_of(folded.keep, arch)
    done = quantise(folded, arch, shifts > 0)
    network, declared = assemble(folded, done, shifts, arch)
    declarations = (*declarations_of(units, folded, done, shifts, dt_s, reset), *declared)
    declarations = (saturation(network, arch.v_sat), *declarations)
    return NirImport(network, declarations, dt_s, Translation(units, folded, done, reset))


def _fitted(units: Units, spikes: NDArray[np.integer[Any]]) -> Units:
    """The neurons with the feedback that takes away what their resets take away on average on these spikes."""
    _, found = reference_run(units, checked_spikes(units, spikes))
    return replace(
        units, fall=np.where(np.isfinite(found - units.v_reset), found - units.v_reset, units.fall)
    )


def without_currents(units: Units) -> Units:
    """The neurons with the slower of two filters alone, and as much drive from a lasting input.

    A current that keeps ``a`` and a membrane that keeps ``b`` answer a lasting input of 1 with 1/((1-a)(1-b)).
    """
    share_current, share = 1 - units.keep_current, 1 - units.keep
    filtered = units.keep_current > 0
    gain = np.where(filtered, 1 / np.maximum(share_current, share), 1.0)
    slower = np.where(filtered, np.minimum(share_current, share), share)
    return replace(
        units,
        keep_current=np.zeros(units.count),
        keep=1 - slower,
        weights=sparse.csr_array(sparse.diags_array(gain) @ units.weights),
        bias=units.bias * gain,
    )


def _require_same(graph: Graph, network: Network, dt_s: float) -> None:
    """Refuse a graph whose nodes say something else than its metadata: one of them was edited.

    Raises:
        NetworkError: names the first node that differs.
    """
    hint = "the nodes were changed after the export; read them without metadata (--plain)"
    meant = graph_of(export_nir(network, dt_s=dt_s).to_dict())
    for name in sorted(set(meant.nodes) | set(graph.nodes)):
        mine, theirs = meant.nodes.get(name), graph.nodes.get(name)
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
    if set(meant.edges) != set(graph.edges):
        raise NetworkError("has other edges than the metadata say", where="nir", hint=hint)
