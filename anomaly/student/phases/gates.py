"""Neurons that tell phases of a machine's cycle apart, and what comparators hear of them.

splits   one tap each: fire while its level is at or beyond a height
gates    fire while enough of the splits they need do, and none that they forbid: a box of levels. A gate has no
         memory: the strongest leak halves what it holds, and relays of the splits take off the other half
edges    signed: +1 when a gate opens, -1 when it closes. A comparator that adds them up holds its own weight for
         as long as the gate is open, so its threshold is another one in every phase

All gates are shut at a reset, when all levels are nought.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.errors import ModelError
from anomaly.student.closed_form.integer_weights import Integers
from anomaly.student.phases.decision_tree import Box
from chip.builder import NetworkBuilder

# Steps from an input to what comparators hold of gates: split, gate, edge.
GATE_LATENCY_STEPS = 3
# The leak that gates need: a half a step.
GATE_LEAK = 1


@dataclass(frozen=True, eq=False)
class Gates:
    """Gates of a circuit.

    Args:
        taps: that each split listens to, [splits].
        heights: a split fires while its level, in events, is at or above a positive height, or at or below a
            negative one; never 0, [splits].
        needs: 1 for each split that a gate needs, -1 for one that it forbids, [gates, splits].
        least: a gate is open while its splits, those it forbids subtracted, are as many, at least 1, [gates].
        weights: of each comparator and gate, [comparators, gates]; zero means no synapse.
        unit: weight of a synapse at splits and gates, even: thresholds lie half-way between two counts.

    Raises:
        ModelError: shapes do not agree, a height is 0, a gate is open at a reset or the unit is odd.
    """

    taps: Integers
    heights: Integers
    needs: Integers
    least: Integers
    weights: Integers
    unit: int

    def __post_init__(self) -> None:
        splits, gates = len(self.taps), len(self.least)
        shapes = (self.heights.shape, self.needs.shape, self.weights.shape[1:])
        if shapes != ((splits,), (gates, splits), (gates,)):
            raise ModelError(f"heights, needs and weights {shapes} do not belong to {splits} splits")
        if not self.heights.all() or self.least.min(initial=1) < 1 or self.unit < 2 or self.unit % 2:
            raise ModelError("a split needs a height, a gate something to open it, and a unit halves")

    def beyond(self, levels: Integers) -> npt.NDArray[np.bool_]:
        """Which splits fire at levels [..., taps] that have been sent, [..., splits]."""
        own = levels[..., self.taps]
        return np.asarray(np.where(self.heights > 0, own >= self.heights, own <= self.heights))

    def open(self, levels: Integers) -> npt.NDArray[np.bool_]:
        """Which gates are open at levels [..., taps], in the step in which their splits are heard, [..., gates]."""
        return np.asarray(self.beyond(levels).astype(np.int32) @ self.needs.T >= self.least)

    def told(self, levels: Integers) -> Integers:
        """What comparators hold of gates, in weights, [streams, steps, gates], of levels [streams, steps, taps]."""
        late = np.zeros((*levels.shape[:2], len(self.least)), np.int32)
        late[:, GATE_LATENCY_STEPS:] = self.open(levels[:, : max(0, levels.shape[1] - GATE_LATENCY_STEPS)])
        return late


def gates_for_boxes(boxes: Sequence[Box], unit: int) -> tuple[Gates, npt.NDArray[np.bool_]]:
    """Splits and gates for some boxes of levels, without comparators.

    Returns:
        The gates, and which of them are open outside their box instead of inside: those whose box holds at a reset.
    """
    splits: dict[tuple[int, int], int] = {}
    signs: list[dict[int, int]] = []
    for box in boxes:
        needed: dict[int, int] = {}
        for tap, (low, high) in box.items():
            for bound, above in ((low, True), (high, False)):
                if bound is not None:
                    # A split fires at nought nowhere: below 1 it hears that the level is under the bound.
                    height = bound if bound >= 1 else bound - 1
                    split = splits.setdefault((tap, height), len(splits))
                    needed[split] = 1 if above == (bound >= 1) else -1
        signs.append(needed)
    needs = np.zeros((len(boxes), len(splits)), np.int32)
    for number, needed in enumerate(signs):
        needs[number, list(needed)] = list(needed.values())
    least = (needs > 0).sum(axis=1).astype(np.int32)
    outside = least == 0
    needs[outside] *= -1
    where = np.array(list(splits), np.int32).reshape(-1, 2)
    nobody = np.zeros((0, len(boxes)), np.int32)
    return Gates(where[:, 0], where[:, 1], needs, np.maximum(least, 1), nobody, unit), outside


def add_gates(
    builder: NetworkBuilder, gates: Gates, taps: Sequence[int], relay: tuple[int, int]
) -> dict[int, int]:
    """Add splits, gates and edges that comparators listen to.

    Args:
        builder: of the network.
        gates: of the circuit.
        taps: source number of each tap.
        relay: weight of a relay's synapse and feedback, and n of its leak 2^-n.

    Returns:
        Source number of each edge by gate.
    """
    wanted = np.flatnonzero((gates.weights != 0).any(axis=0))
    heard = np.flatnonzero((gates.needs[wanted] != 0).any(axis=0))
    splits = {split: _add_split(builder, gates, split, taps, relay) for split in heard.tolist()}
    edges = {}
    for gate in wanted.tolist():
        threshold = int(gates.least[gate]) * gates.unit - gates.unit // 2
        neuron = builder.add_neuron(theta_p=threshold, decay=GATE_LEAK, label=f"gate {gate}")
        for split in np.flatnonzero(gates.needs[gate]).tolist():
            sign = int(gates.needs[gate, split])
            now, before = splits[split]
            builder.connect(now, neuron, sign * gates.unit)
            builder.connect(before, neuron, -sign * gates.unit // 2)
        opened = builder.source_of(neuron)
        edges[gate] = _add_edge(
            builder, gate, opened, _add_relay(builder, opened, relay, f"gate {gate}"), relay
        )
    return edges


def _add_split(
    builder: NetworkBuilder, gates: Gates, split: int, taps: Sequence[int], relay: tuple[int, int]
) -> tuple[int, int]:
    """Source numbers of a split and of its relay."""
    height = int(gates.heights[split])
    threshold = abs(height) * gates.unit - gates.unit // 2
    neuron = builder.add_neuron(theta_p=threshold, label=f"split {split}")
    builder.connect(taps[int(gates.taps[split])], neuron, gates.unit if height > 0 else -gates.unit)
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
