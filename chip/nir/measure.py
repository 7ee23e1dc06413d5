"""How much of a spike train each declaration of an import costs, one at a time and all together."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from chip.errors import NetworkError
from chip.network import Network
from chip.nir.load import NirImport, Translation
from chip.nir.quantise import real_leaks
from chip.nir.reference import checked_spikes, reference_spikes, trial_spikes
from chip.nir.units import Units
from chip.sim.simulator import Simulator

__all__ = ["Agreement", "agreement_of", "measure"]


@dataclass(frozen=True)
class Agreement:
    """Two spike trains of the same neurons side by side.

    Args:
        agreement: share of [step, neuron] at which both say the same, silence included.
        spike_agreement: the same where at least one fires; 1 if none ever does.
        spikes: of the graph in real numbers.
        chip_spikes: of what it is compared with.
        count_difference: by how much the counts of the neurons differ, added up, as a share of ``spikes``: small
            where spikes come a little earlier or later, as they do after rounding.
    """

    agreement: float
    spike_agreement: float
    spikes: int
    chip_spikes: int
    count_difference: float

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values."""
        return asdict(self)


def agreement_of(one: NDArray[Any], other: NDArray[Any]) -> Agreement:
    """Compare two spike trains [step, neuron] of one shape; -1 and +1 are different spikes."""
    same, either = one == other, (one != 0) | (other != 0)
    most = int(either.sum())
    share = float((same & either).sum()) / most if most else 1.0
    counts = [train.sum(axis=0, dtype=np.int64) for train in (one, other)]
    spikes = int(np.count_nonzero(one))
    off = float(np.abs(counts[0] - counts[1]).sum()) / max(spikes, 1)
    return Agreement(float(same.mean()), share, spikes, int(np.count_nonzero(other)), off)


def measure(
    imported: NirImport, *, v_sat: int, spikes: NDArray[np.integer[Any]] | None = None, seed: int = 0
) -> dict[str, Agreement]:
    """The graph in real numbers, against itself with one approximation at a time, and against the chip.

    Args:
        imported: a graph that was not imported from metadata.
        v_sat: where the chip holds membranes.
        spikes: input, [step, input]; those of ``trial_spikes`` if None.
        seed: of random input.

    Returns:
        By what the declarations are about: ``filter``, ``leak``, ``weights`` (with thresholds), ``reset``; and
        ``chip``, all of them and the rest.

    Raises:
        NetworkError: the import was exact, or ``spikes`` has another number of inputs.
    """
    if (done := imported.translation) is None:
        raise NetworkError(
            "was imported from metadata, which is exact", where="nir", hint="--plain reads the nodes"
        )
    units = done.units
    if spikes is None:
        spikes = trial_spikes(units.n_inputs, seed=seed)
    given = checked_spikes(units, spikes)
    meant = reference_spikes(units, given, reset=done.reset)
    found = {
        about: agreement_of(meant, reference_spikes(changed, given, reset=done.reset))
        for about, changed in _changed(imported.network, done)
    }
    if done.reset == "zero":
        found["reset"] = agreement_of(meant, reference_spikes(units, given, reset="subtract"))
    found["chip"] = agreement_of(meant, _on_chip(imported.network, units, given, v_sat))
    return found


def _changed(network: Network, done: Translation) -> list[tuple[str, Units]]:
    folded, scale = done.folded, done.quantised.scale
    changed = [("filter", folded)] if (done.units.keep_current > 0).any() else []
    shifts = network.decay[: folded.count].astype(np.int64)
    if not np.array_equal(real_leaks(shifts), folded.keep):
        changed.append(("leak", replace(folded, keep=real_leaks(shifts))))
    real = sparse.csr_array(sparse.diags_array(1 / scale) @ done.quantised.weights)
    # "At least theta" in whole numbers is "more than theta - 1/2".
    theta = (done.quantised.theta - 0.5) / scale
    bias = done.quantised.bias / scale
    return [*changed, ("weights", replace(folded, weights=real, bias=bias, theta=theta))]


def _on_chip(network: Network, units: Units, given: NDArray[np.int8], v_sat: int) -> NDArray[np.int8]:
    """Spikes of the chip's neurons, each moved back by the layers it lies behind the first."""
    late = int(units.level.max(initial=0))
    padded = np.concatenate([given, np.zeros((late, given.shape[1]), np.int8)])
    run = Simulator(network, v_sat=v_sat).run(padded[:, None], record="all")
    if run.neurons is None:
        raise NetworkError("kept no spikes of its neurons", where="simulator")
    neurons = run.neurons[:, 0, : units.count]
    at = np.arange(len(given))[:, None] + units.level
    moved: NDArray[np.int8] = neurons[at, np.arange(units.count)]
    return moved
