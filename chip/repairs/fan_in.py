"""Repair of too large fan-in: a tree of relay neurons sums the inputs that one neuron cannot take.

A relay that collects synapses of one magnitude W adds +1 or -1 for each spike, fires while its membrane is not zero,
and subtracts what it sent; its own synapse has the weight W. It does not leak, so all the charge arrives exactly, one
step later, or later still while more than one spike a step arrives. Synapses of unequal magnitudes share a relay only
where there are not enough equal ones; it then sends in units of their common divisor, or, where that would be too
slow, of the largest, and retains less than one such unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.repairs.draft import RELAY, Action, RepairDraft

__all__ = ["split_fan_in"]

Ints = NDArray[np.int64]
# Largest mean number of spikes per step of a relay: at more its delay grows.
_MAX_RELAY_RATE = 0.5


def split_fan_in(draft: RepairDraft, arch: ArchSpec) -> tuple[RepairDraft, list[Action]]:
    """Insert relays at each neuron that has too many synapses, as long as there are free cells.

    Other neurons stay as they are. Without negative outputs nothing is split: a relay could not send negative sums.
    """
    limit, actions = arch.neuron.fan_in.value, []
    if limit < 2 or not arch.neuron.negative_output.value:
        return draft, []
    for neuron in np.flatnonzero(draft.network.fan_in() > limit):
        while (excess := int(draft.network.fan_in()[neuron]) - limit) > 0:
            if draft.network.n_neurons >= arch.array.neurons.value:
                break
            group = _choose(draft, int(neuron), min(limit, excess + 1))
            draft, action = _relay(draft, int(neuron), group)
            actions.append(action)
    return draft, actions


def _choose(draft: RepairDraft, neuron: int, size: int) -> Ints:
    """Choose the synapses to collect: as equal in magnitude as possible, among those the least active."""
    network = draft.network
    mine = np.flatnonzero(network.target == neuron)
    magnitude, rate = np.abs(network.weight[mine]), draft.rates[network.source[mine]]
    order = np.lexsort((rate, magnitude))
    firsts = np.arange(len(mine) - size + 1)
    spread = magnitude[order[firsts + size - 1]] - magnitude[order[firsts]]
    traffic = np.convolve(rate[order] * magnitude[order], np.ones(size), mode="valid")
    best = int(np.lexsort((traffic, spread))[0])
    return mine[order[best : best + size]].astype(np.int64)


@dataclass(frozen=True)
class _Unit:
    """Value of one spike of a relay."""

    weight: int
    divisor: int
    whole: bool


def _unit(magnitude: Ints, charge: float) -> _Unit:
    common, largest = int(np.gcd.reduce(magnitude)), int(magnitude.max())
    whole = common == largest or charge <= _MAX_RELAY_RATE * common
    return _Unit(common if whole else largest, common, whole)


def _relay(draft: RepairDraft, neuron: int, group: Ints) -> tuple[RepairDraft, Action]:
    network = draft.network
    weight, name = network.weight[group].astype(np.int64), network.neuron_name(neuron)
    charge = float(draft.usefulness()[group].sum())
    unit = _unit(np.abs(weight), charge)
    threshold = unit.weight // unit.divisor
    fields = {**RELAY, "theta_p": threshold, "theta_n": threshold, "w_fb": threshold}
    relay, keep = network.n_neurons, np.ones(network.n_synapses, np.bool_)
    keep[group] = False
    scaled = zip(network.source[group].tolist(), (weight // unit.divisor).tolist(), strict=True)
    synapses = [(source, relay, value) for source, value in scaled]
    synapses.append((network.n_inputs + relay, neuron, unit.weight))
    grown = draft.grown([fields], [f"relay of {name}"], [min(1.0, charge / unit.weight)], synapses, keep)
    kept = "all charge arrives" if unit.whole else f"less than {unit.weight} of charge is kept back"
    done = f"{len(group)} synapses of weight ±{_span(np.abs(weight))} go through the new neuron {relay}"
    return grown, Action("fan_in", name, done, False, f"{kept}, at least one step later")


def _span(magnitude: Ints) -> str:
    low, high = int(magnitude.min()), int(magnitude.max())
    return str(low) if low == high else f"{low} to ±{high}"
