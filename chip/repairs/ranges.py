"""Repair of values out of range: a neuron is scaled down as a whole, a leak replaced by the nearest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.membrane_bounds import membrane_bounds
from chip.network import Network
from chip.repairs.draft import Action, RepairDraft

__all__ = ["nearest_decay", "scale"]


def nearest_decay(draft: RepairDraft, arch: ArchSpec) -> tuple[RepairDraft, list[Action]]:
    """Replace leaks that cannot be set by the nearest; one too weak ever to act is removed."""
    network, allowed = draft.network, np.array(arch.neuron.decay_shifts.value)
    decay, actions = network.decay.copy(), []
    leak = np.where(allowed > 0, 2.0**-allowed, 0.0)
    for neuron in np.flatnonzero(~np.isin(decay, allowed)):
        old = int(decay[neuron])
        idle = 2**old > arch.v_sat
        decay[neuron] = 0 if idle else int(allowed[np.argmin(np.abs(leak - 2.0**-old))])
        effect = "such a leak never acts on this membrane" if idle else "the membrane forgets at another pace"
        done = f"decay {old} became {decay[neuron]}"
        actions.append(Action("decay_choice", network.neuron_name(int(neuron)), done, bool(idle), effect))
    return (draft.changed(decay=decay), actions) if actions else (draft, [])


def scale(draft: RepairDraft, arch: ArchSpec) -> tuple[RepairDraft, list[Action]]:
    """Scale weights, thresholds and feedback of neurons with too large values down together.

    Scaling is exact where a common divisor of weights and feedback suffices, nothing leaks and nothing saturates;
    otherwise values are rounded, and synapses that round to 0 are removed. A neuron that would lose all synapses stays
    as it is.
    """
    network, actions = draft.network, []
    values = {name: getattr(network, name).astype(np.int64) for name in ("theta_p", "theta_n", "w_fb")}
    # Without a negative output its threshold is not used.
    values["theta_n"] = np.where(
        network.negative, values["theta_n"], np.minimum(values["theta_n"], arch.threshold_max)
    )
    weight = network.weight.astype(np.int64)
    lower, upper = membrane_bounds(network)
    unclipped = np.maximum(upper, -lower) <= arch.v_sat
    for neuron in np.flatnonzero(_excess(network, values, arch) > 1):
        mine = np.flatnonzero(network.target == neuron)
        moves = np.append(weight[mine], values["w_fb"][neuron])
        factor, exact = _factor(moves, float(_excess(network, values, arch)[neuron]))
        smaller = np.rint(weight[mine] / factor).astype(np.int64)
        if mine.size and not smaller.any():
            continue
        lost = int((smaller == 0).sum())
        weight[mine] = smaller
        for name, array in values.items():
            # A membrane that moves in units of the divisor reaches a threshold between two at the upper one.
            rounded = np.ceil if exact and name != "w_fb" else np.rint
            array[neuron] = max(int(rounded(array[neuron] / factor)), int(array[neuron] > 0))
        exact = exact and network.decay[neuron] == 0 and bool(unclipped[neuron])
        effect = "the same spikes" if exact else f"values are rounded, {lost} synapses became nothing"
        done = f"weights, thresholds and feedback divided by {factor:g}"
        actions.append(
            Action(_rule(network, neuron, arch), network.neuron_name(int(neuron)), done, exact, effect)
        )
    changed = draft.changed(weight=np.where(weight == 0, 1, weight), **values)
    return changed.with_synapses(weight != 0), actions


def _excess(network: Network, values: dict[str, NDArray[np.int64]], arch: ArchSpec) -> NDArray[np.float64]:
    """Compute the factor by which the largest value of each neuron exceeds its range."""
    largest = np.zeros(network.n_neurons)
    np.maximum.at(largest, network.target, np.abs(network.weight) / arch.weight_max)
    limits = {"theta_p": arch.threshold_max, "theta_n": arch.threshold_max, "w_fb": arch.feedback_max}
    ratios = [values[name] / limit for name, limit in limits.items()]
    excess: NDArray[np.float64] = np.maximum.reduce([largest, *ratios])
    return excess


def _factor(moves: NDArray[np.int64], excess: float) -> tuple[float, bool]:
    """Return the smallest common divisor that is large enough, or the excess itself; and whether it divides all."""
    common = int(np.gcd.reduce(moves))
    for divisor in range(int(np.ceil(excess)), min(common, 1 << 16) + 1):
        if common % divisor == 0:
            return float(divisor), True
    return excess, False


def _rule(network: Network, neuron: np.intp, arch: ArchSpec) -> str:
    if (np.abs(network.weight[network.target == neuron]) > arch.weight_max).any():
        return "weight_range"
    return "feedback_range" if network.w_fb[neuron] > arch.feedback_max else "threshold_range"
