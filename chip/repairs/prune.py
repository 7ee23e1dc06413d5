"""Pruning: removal of neurons and synapses without effect, then of the least useful on the test input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.network import Network
from chip.repairs.draft import Action, RepairDraft

__all__ = ["drop_idle", "fewer_neurons", "fewer_outputs", "fewer_synapses", "least_useful", "prune_fan_in"]

_SHOWN = 5


def drop_idle(draft: RepairDraft, arch: ArchSpec) -> tuple[RepairDraft, list[Action]]:
    """Drop neurons that lead to no output and neurons that never fire; the outputs stay the same."""
    actions = []
    for rule, find, why in (
        ("dangling", _leads_to_output, "no path leads from them to an output"),
        ("unreachable", _can_fire, "they never fired"),
    ):
        keep = find(draft.network)
        keep[draft.network.outputs] = True
        if not draft.network.n_outputs or keep.all():
            continue
        place, gone = _names(draft.network, np.flatnonzero(~keep)), int((~keep).sum())
        actions.append(Action(rule, place, f"{gone} neurons dropped", True, why))
        draft = draft.with_neurons(keep)
    return draft, actions


def fewer_outputs(draft: RepairDraft, arch: ArchSpec) -> tuple[RepairDraft, list[Action], NDArray[np.int64]]:
    """Leave out the outputs that spike least, the last of equals, until there is a pad for each.

    Returns:
        The draft, the actions, and the outputs that are left, ascending, int64[output].
    """
    network, limit = draft.network, arch.array.outputs.value
    if network.n_outputs <= limit:
        return draft, [], np.arange(network.n_outputs)
    rate = draft.rates[network.outputs + network.n_inputs]
    kept = np.sort(np.argsort(-rate, kind="stable")[:limit])
    gone = np.setdiff1d(np.arange(network.n_outputs), kept)
    named = [f"output {at} ({network.neuron_name(int(network.outputs[at]))})" for at in gone[:_SHOWN]]
    place = ", ".join(named) + (f" and {gone.size - _SHOWN} more" if gone.size > _SHOWN else "")
    share = float(rate[gone].sum() / max(float(rate.sum()), 1e-300))
    effect = f"an answer lost, with {share:.2%} of all output spikes on this input"
    action = Action(
        "output_count", place, f"{gone.size} outputs that spike least are not read", False, effect
    )
    return draft.changed(outputs=network.outputs[kept]), [action], kept


def fewer_neurons(draft: RepairDraft, arch: ArchSpec) -> tuple[RepairDraft, list[Action]]:
    """Drop the neurons that move the least charge, never an output, until there is a cell for each."""
    network = draft.network
    excess = network.n_neurons - arch.array.neurons.value
    size = network.n_inputs + network.n_neurons
    moved = np.bincount(network.source, weights=draft.usefulness(), minlength=size)[network.n_inputs :]
    moved[network.outputs] = np.inf
    if excess <= 0 or excess > network.n_neurons - network.n_outputs:
        return draft, []
    keep = np.ones(network.n_neurons, np.bool_)
    keep[np.argsort(moved, kind="stable")[:excess]] = False
    gone = np.flatnonzero(~keep)
    share = float(moved[gone].sum() / max(float(draft.usefulness().sum()), 1e-300))
    effect = f"they moved {share:.2%} of all charge on this input"
    done = f"{excess} least useful neurons dropped"
    # Not exact even if they were silent: silent on this input is not silent on every input.
    return draft.with_neurons(keep), [Action("neuron_count", _names(network, gone), done, False, effect)]


def fewer_synapses(draft: RepairDraft, arch: ArchSpec) -> tuple[RepairDraft, list[Action]]:
    """Cut the synapses that move the least charge, anywhere, until there is a weight for each."""
    network, excess = draft.network, draft.network.n_synapses - arch.array.synapses.value
    if excess <= 0:
        return draft, []
    keep, effect = least_useful(draft, np.arange(network.n_synapses), excess)
    return draft.with_synapses(keep), [
        Action("synapse_count", "network", f"{excess} least useful synapses cut", False, effect)
    ]


def prune_fan_in(draft: RepairDraft, arch: ArchSpec) -> tuple[RepairDraft, list[Action]]:
    """Cut the least useful synapses of each neuron that has too many."""
    network, limit, actions = draft.network, arch.neuron.fan_in.value, []
    keep = np.ones(network.n_synapses, np.bool_)
    for neuron, count in enumerate(network.fan_in().tolist()):
        if count <= limit:
            continue
        kept, effect = least_useful(draft, np.flatnonzero(network.target == neuron), count - limit)
        keep &= kept
        done = f"{count - limit} least useful synapses cut"
        actions.append(Action("fan_in", network.neuron_name(neuron), done, False, effect))
    return draft.with_synapses(keep), actions


def least_useful(draft: RepairDraft, among: NDArray[np.int64], count: int) -> tuple[NDArray[np.bool_], str]:
    """Select ``count`` of ``among`` to remove; return the mask of all synapses that stay, and the loss in words.

    Usefulness is |weight| x spikes per step; between equal ones the smaller weight goes.
    """
    useful, size = draft.usefulness(), np.abs(draft.network.weight)
    order = among[np.lexsort((size[among], useful[among]))]
    keep = np.ones(draft.network.n_synapses, np.bool_)
    keep[order[:count]] = False
    share = float(useful[order[:count]].sum() / max(float(useful[among].sum()), 1e-300))
    return keep, f"with {share:.2%} of the charge that arrived there on this input"


def _names(network: Network, neurons: NDArray[np.intp]) -> str:
    names = [network.neuron_name(int(neuron)) for neuron in neurons[:_SHOWN]]
    return ", ".join(names) + (f" and {neurons.size - _SHOWN} more" if neurons.size > _SHOWN else "")


def _leads_to_output(network: Network) -> NDArray[np.bool_]:
    reached = np.zeros(network.n_neurons, np.bool_)
    reached[network.outputs] = True
    inside = network.source >= network.n_inputs
    return _spread(reached, network.target[inside], network.source[inside] - network.n_inputs)


def _can_fire(network: Network) -> NDArray[np.bool_]:
    """Return the neurons that an input, or a neuron that fires at rest, leads to."""
    reached = (network.theta_p == 0) | (network.negative & (network.theta_n == 0))
    inside = network.source >= network.n_inputs
    reached[network.target[~inside]] = True
    return _spread(reached, network.source[inside] - network.n_inputs, network.target[inside])


def _spread(
    reached: NDArray[np.bool_], start: NDArray[np.int32], end: NDArray[np.int32]
) -> NDArray[np.bool_]:
    while True:
        wider = reached.copy()
        wider[end[reached[start]]] = True
        if (wider == reached).all():
            return reached
        reached = wider
