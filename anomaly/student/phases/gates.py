"""Neurons that detect the phase of a machine's cycle and shift the thresholds of comparators.

splits   one tap each: fire while its level is at or beyond a threshold
gates    fire while all splits that their box requires do, and none that it excludes. A gate has no memory: the
strongest
         leak halves its membrane in each step, and relays of the splits subtract the other half
edges    signed: +1 when a gate opens, -1 when it closes. A comparator that integrates them holds its own weight for
         as long as the gate is open, so its threshold is a different one in every phase

All gates are closed at a reset, when all levels are zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.errors import ModelError
from anomaly.student.arrays import Integers
from anomaly.student.phases.decision_tree import Box
from chip.builder import NetworkBuilder

# Steps from an input to its effect on comparators through gates: split, gate, edge.
GATE_LATENCY_STEPS = 3
# n of the leak 2^-n that gates need: half a membrane a step.
GATE_LEAK = 1


@dataclass(frozen=True, eq=False)
class Gates:
    """Gates of a circuit.

    Args:
        split_taps: tap of each split, [splits].
        split_thresholds: a split fires while its level, in events, is at or above a positive threshold, or at or below
            a negative one; never 0, [splits].
        split_signs: 1 for each split that a gate requires, -1 for one that it excludes, 0 for others, [gates, splits].
        min_active: a gate is open while at least as many of its required splits fire as this, excluded ones
            subtracted; at least 1, [gates].
        comparator_weights: weight of each comparator and gate, [comparators, gates]; zero means no synapse.
        unit: weight of a synapse at splits and gates, even: thresholds lie half-way between two counts.

    Raises:
        ModelError: shapes do not agree, a split's threshold is 0, a gate is open at a reset or the unit is odd.
    """

    split_taps: Integers
    split_thresholds: Integers
    split_signs: Integers
    min_active: Integers
    comparator_weights: Integers
    unit: int

    def __post_init__(self) -> None:
        splits, gates = len(self.split_taps), len(self.min_active)
        shapes = (self.split_thresholds.shape, self.split_signs.shape, self.comparator_weights.shape[1:])
        if shapes != ((splits,), (gates, splits), (gates,)):
            raise ModelError(f"thresholds, signs and weights {shapes} do not belong to {splits} splits")
        if (
            not self.split_thresholds.all()
            or self.min_active.min(initial=1) < 1
            or self.unit < 2
            or self.unit % 2
        ):
            raise ModelError(
                "a split needs a threshold, a gate at least one active split, and the unit is even"
            )

    def active_splits(self, levels: Integers) -> npt.NDArray[np.bool_]:
        """Return whether each split fires at levels [..., taps] that have been sent, [..., splits]."""
        own = levels[..., self.split_taps]
        thresholds = self.split_thresholds
        return np.asarray(np.where(thresholds > 0, own >= thresholds, own <= thresholds))

    def open_gates(self, levels: Integers) -> npt.NDArray[np.bool_]:
        """Return whether each gate is open at levels [..., taps], before any latency, [..., gates]."""
        return np.asarray(self.active_splits(levels).astype(np.int32) @ self.split_signs.T >= self.min_active)

    def received_gates(self, levels: Integers) -> Integers:
        """Return the sum of each gate's edges at the comparators, 1 while it is open, after `GATE_LATENCY_STEPS`.

        Args:
            levels: [streams, steps, taps], from a reset on.

        Returns:
            [streams, steps, gates].
        """
        late = np.zeros((*levels.shape[:2], len(self.min_active)), np.int32)
        late[:, GATE_LATENCY_STEPS:] = self.open_gates(
            levels[:, : max(0, levels.shape[1] - GATE_LATENCY_STEPS)]
        )
        return late


def gates_for_boxes(boxes: Sequence[Box], unit: int) -> tuple[Gates, npt.NDArray[np.bool_]]:
    """Make splits and gates for some boxes of levels, without weights to comparators.

    Returns:
        The gates, and whether each is open outside its box instead of inside: true of boxes that hold at a reset.
    """
    splits: dict[tuple[int, int], int] = {}
    signs_by_box: list[dict[int, int]] = []
    for box in boxes:
        signs: dict[int, int] = {}
        for tap, (low, high) in box.items():
            for bound, above in ((low, True), (high, False)):
                if bound is not None:
                    # No split fires at level zero: for a bound below 1, the split fires below the bound.
                    threshold = bound if bound >= 1 else bound - 1
                    split = splits.setdefault((tap, threshold), len(splits))
                    signs[split] = 1 if above == (bound >= 1) else -1
        signs_by_box.append(signs)
    split_signs = np.zeros((len(boxes), len(splits)), np.int32)
    for number, signs in enumerate(signs_by_box):
        split_signs[number, list(signs)] = list(signs.values())
    min_active = (split_signs > 0).sum(axis=1).astype(np.int32)
    outside = min_active == 0
    split_signs[outside] *= -1
    keys = np.array(list(splits), np.int32).reshape(-1, 2)
    no_comparators = np.zeros((0, len(boxes)), np.int32)
    gates = Gates(keys[:, 0], keys[:, 1], split_signs, np.maximum(min_active, 1), no_comparators, unit)
    return gates, outside


def add_gates(
    builder: NetworkBuilder, gates: Gates, taps: Sequence[int], relay: tuple[int, int]
) -> dict[int, int]:
    """Add the splits, gates and edges that comparators use to a network.

    Args:
        builder: of the network.
        gates: of the circuit.
        taps: source number of each tap.
        relay: weight of a relay's synapse and feedback, and n of its leak 2^-n.

    Returns:
        Source number of each edge by gate.
    """
    used_gates = np.flatnonzero((gates.comparator_weights != 0).any(axis=0))
    used_splits = np.flatnonzero((gates.split_signs[used_gates] != 0).any(axis=0))
    splits = {split: _add_split(builder, gates, split, taps, relay) for split in used_splits.tolist()}
    edges = {}
    for gate in used_gates.tolist():
        threshold = int(gates.min_active[gate]) * gates.unit - gates.unit // 2
        neuron = builder.add_neuron(theta_p=threshold, decay=GATE_LEAK, label=f"gate {gate}")
        for split in np.flatnonzero(gates.split_signs[gate]).tolist():
            sign = int(gates.split_signs[gate, split])
            now, before = splits[split]
            builder.connect(now, neuron, sign * gates.unit)
            builder.connect(before, neuron, -sign * gates.unit // 2)
        source = builder.source_of(neuron)
        late = _add_relay(builder, source, relay, f"gate {gate}")
        edges[gate] = _add_edge(builder, gate, source, late, relay)
    return edges


def _add_split(
    builder: NetworkBuilder, gates: Gates, split: int, taps: Sequence[int], relay: tuple[int, int]
) -> tuple[int, int]:
    """Add a split and its relay; return their source numbers."""
    height = int(gates.split_thresholds[split])
    threshold = abs(height) * gates.unit - gates.unit // 2
    neuron = builder.add_neuron(theta_p=threshold, label=f"split {split}")
    builder.connect(taps[int(gates.split_taps[split])], neuron, gates.unit if height > 0 else -gates.unit)
    source = builder.source_of(neuron)
    return source, _add_relay(builder, source, relay, f"split {split}")


def _add_relay(builder: NetworkBuilder, source: int, relay: tuple[int, int], of: str) -> int:
    full, leak = relay
    neuron = builder.add_neuron(theta_p=(full + 1) // 2, w_fb=full, decay=leak, label=f"relay {of}")
    builder.connect(source, neuron, full)
    return builder.source_of(neuron)


def _add_edge(builder: NetworkBuilder, gate: int, now: int, before: int, relay: tuple[int, int]) -> int:
    full, leak = relay
    half = (full + 1) // 2
    neuron = builder.add_neuron(
        theta_p=half, negative=True, w_fb=full, decay=leak, label=f"edge of gate {gate}"
    )
    builder.connect(now, neuron, full)
    builder.connect(before, neuron, -full)
    return builder.source_of(neuron)
