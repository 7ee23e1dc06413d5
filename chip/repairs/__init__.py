"""Repair of networks that break design rules, with a report of all changes and their measured effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.layout.implementation import spike_rates
from chip.network import Network
from chip.repairs.change import Change, output_change
from chip.repairs.draft import Action, RepairDraft
from chip.repairs.fan_in import split_fan_in
from chip.repairs.fan_out import share_fan_out
from chip.repairs.prune import drop_idle, fewer_neurons, fewer_outputs, fewer_synapses, prune_fan_in
from chip.repairs.ranges import nearest_decay, scale
from chip.rules import Finding, check
from chip.sim.stimulus import random_spikes

__all__ = ["REFUSED", "Action", "Change", "Repaired", "repair"]

_Step = Callable[[RepairDraft, ArchSpec], tuple[RepairDraft, list[Action]]]
_STEPS, _STREAMS = 512, 2
# Violations that are not repaired: rule and reason.
REFUSED = {
    "input_count": "which inputs can be spared, or merged, only the one who made the network knows",
    "negative_output": "a network without negative spikes has to be trained as one",
    "recurrence": "which synapse of a loop may be cut decides what the network remembers",
}


@dataclass(frozen=True, eq=False)
class Repaired:
    """Network after repair.

    Args:
        network: repaired network, with the inputs and outputs of the original in the same order.
        actions: changes in the order in which they were made.
        outputs: original outputs that are left: all, unless the chip has too few.
        change: difference of the outputs on the test input.
        input: description of the test input.
        findings: remaining findings of the rules.
    """

    network: Network
    actions: tuple[Action, ...]
    outputs: tuple[int, ...]
    change: Change
    input: str
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that still keep the network off the chip."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def exact(self) -> bool:
        """Return whether the outputs are the same on every input."""
        return all(action.exact for action in self.actions)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain values, without the network itself."""
        return {
            "fits": not self.errors,
            "exact": self.exact,
            "neurons": self.network.n_neurons,
            "synapses": self.network.n_synapses,
            "outputs_kept": list(self.outputs),
            "actions": [action.to_dict() for action in self.actions],
            "change": self.change.to_dict(),
            "input": self.input,
            "not_repaired": [
                finding.to_dict() | {"why": REFUSED.get(finding.rule, "no repair is known")}
                for finding in self.errors
            ],
            "findings": [finding.to_dict() for finding in self.findings],
        }


def repair(network: Network, arch: ArchSpec, spikes: NDArray[np.integer[Any]] | None = None) -> Repaired:
    """Make a network obey the design rules, with as little change of its outputs as possible.

    Too many synapses of a neuron can be split or pruned: both are tried, and the one that changes the running count of
    output spikes less on the test input is kept. Outputs are left out only where the chip has too few. Violations that
    need a decision (``REFUSED``) are reported and not changed.

    Args:
        network: network to repair.
        arch: the chip.
        spikes: test input, -1, 0 or +1 of each [step, stream, input]; by default sparse random spikes.

    Raises:
        NetworkError: the spikes do not match the network.
    """
    given = spikes is not None
    test_input = random_spikes(network.n_inputs, _STEPS, streams=_STREAMS) if spikes is None else spikes
    start, output_actions, kept = fewer_outputs(
        RepairDraft(network, spike_rates(network, arch, test_input)), arch
    )
    tried = [_run(start, arch, fan_in) for fan_in in ((split_fan_in, prune_fan_in), (prune_fan_in,))]
    changes = [
        output_change(network, draft.network, test_input, v_sat=arch.v_sat, kept=kept) for draft, _ in tried
    ]
    best = min(
        range(len(tried)), key=lambda at: (changes[at].mean_running_difference, -changes[at].agreement)
    )
    draft, actions = tried[best]
    input_text = "the given input" if given else f"sparse random spikes, {_STREAMS} x {_STEPS} steps"
    findings = tuple(check(draft.network, arch))
    done, outputs = (*output_actions, *actions), tuple(kept.tolist())
    return Repaired(draft.network, done, outputs, changes[best], input_text, findings)


def _run(draft: RepairDraft, arch: ArchSpec, fan_in: tuple[_Step, ...]) -> tuple[RepairDraft, list[Action]]:
    done = []
    steps = (
        nearest_decay,
        scale,
        drop_idle,
        fewer_neurons,
        *fan_in,
        share_fan_out,
        fewer_synapses,
        drop_idle,
    )
    for step in steps:
        draft, actions = step(draft, arch)
        done += actions
    return draft, done
