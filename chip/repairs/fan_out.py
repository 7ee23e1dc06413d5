"""Repair of too large fan-out: neurons are duplicated, inputs get relays."""

from __future__ import annotations

import numpy as np

from chip.arch import ArchSpec
from chip.network import NEURON_FIELDS
from chip.repairs.draft import RELAY, Action, RepairDraft
from chip.repairs.prune import least_useful

__all__ = ["share_fan_out"]


def share_fan_out(draft: RepairDraft, arch: ArchSpec) -> tuple[RepairDraft, list[Action]]:
    """Divide the synapses of each overloaded source among several sources.

    A neuron gets twins with the same inputs and values, and therefore the same spikes, which take some of its
    synapses. An input cannot be duplicated on the chip, so relays drive some of its synapses, one step later. Where no
    cell is free, the least useful synapses are cut.
    """
    limit, actions = arch.routing.fan_out_load.value, []
    # Twins load the sources before them: the last overloaded neuron comes first, and all are checked again.
    while (over := np.flatnonzero(draft.network.fan_out() > limit)).size:
        source = int(over[-1])
        draft, action = _share(draft, source, arch)
        actions.append(action)
    return draft, actions


def _share(draft: RepairDraft, source: int, arch: ArchSpec) -> tuple[RepairDraft, Action]:
    network, limit = draft.network, arch.routing.fan_out_load.value
    load = int(network.fan_out()[source])
    free = arch.array.neurons.value - network.n_neurons
    # Each twin has a synapse to itself where the neuron has one, which counts in its load.
    itself = int(((network.source == source) & (network.target == source - network.n_inputs)).sum())
    twins = -(-(load - itself) // max(1, limit - itself)) - 1
    if source >= network.n_inputs and limit > itself and 0 < twins <= free:
        return _double(draft, source, twins, limit - itself)
    relays = -(-(load - limit) // max(1, limit - 1))
    if source < network.n_inputs and arch.neuron.negative_output.value and relays <= min(free, limit - 1):
        return _relay(draft, source, relays, limit)
    keep, effect = least_useful(draft, np.flatnonzero(network.source == source), load - limit)
    done = f"{load - limit} least useful synapses cut"
    return draft.with_synapses(keep), Action("fan_out_load", network.source_name(source), done, False, effect)


def _double(draft: RepairDraft, source: int, twins: int, each: int) -> tuple[RepairDraft, Action]:
    network, neuron, first = draft.network, source - draft.network.n_inputs, draft.network.n_neurons
    fields = {name: int(getattr(network, name)[neuron]) for name in NEURON_FIELDS}
    incoming, outgoing = network.target == neuron, (network.source == source) & (network.target != neuron)
    inputs = list(zip(network.source[incoming].tolist(), network.weight[incoming].tolist(), strict=True))
    synapses = []
    for twin in range(first, first + twins):
        own = network.n_inputs + twin
        synapses += [(own if start == source else start, twin, weight) for start, weight in inputs]
    moved, keep = np.flatnonzero(outgoing)[each:], np.ones(network.n_synapses, np.bool_)
    keep[moved] = False
    for at, synapse in enumerate(moved.tolist()):
        twin_source = network.n_inputs + first + at // each
        synapses.append((twin_source, int(network.target[synapse]), int(network.weight[synapse])))
    name, rates = network.source_name(source), [float(draft.rates[source])] * twins
    grown = draft.grown([fields] * twins, [f"twin of {name}"] * twins, rates, synapses, keep)
    done = f"{twins} twins share its {int(outgoing.sum())} synapses"
    return grown, Action("fan_out_load", name, done, True, "twins send the same spikes")


def _relay(draft: RepairDraft, source: int, relays: int, limit: int) -> tuple[RepairDraft, Action]:
    network = draft.network
    outgoing = np.flatnonzero(network.source == source)
    # A neuron with few other inputs changes least if they arrive a step later.
    outgoing = outgoing[np.argsort(network.fan_in()[network.target[outgoing]], kind="stable")]
    moved = outgoing[: outgoing.size - (limit - relays)]
    keep = np.ones(network.n_synapses, np.bool_)
    keep[moved] = False
    first = network.n_neurons
    synapses = [(source, first + relay, 1) for relay in range(relays)]
    for at, synapse in enumerate(moved.tolist()):
        relay = network.n_inputs + first + at // limit
        synapses.append((relay, int(network.target[synapse]), int(network.weight[synapse])))
    name = network.source_name(source)
    labels, rates = [f"relay of {name}"] * relays, [float(draft.rates[source])] * relays
    done = f"{relays} relay neurons carry {moved.size} of its {outgoing.size} synapses"
    effect = "there its spikes arrive one step later"
    return draft.grown([RELAY] * relays, labels, rates, synapses, keep), Action(
        "fan_out_load", name, done, False, effect
    )
