"""Gates on the chip contribute to comparators as the closed form predicts, step for step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.student.circuit import Circuit
from anomaly.student.circuit_parts import PHASE_KIND, SumNeurons
from anomaly.student.closed_form.first_layer import delayed_taps
from anomaly.student.distillation.circuit_model import CircuitModel
from anomaly.student.neuron_limits import NeuronLimits
from anomaly.student.phases.decision_tree import Box
from anomaly.student.phases.gates import GATE_LATENCY_STEPS, Gates, gates_for_boxes
from chip.arch import ArchSpec
from chip.rules import check
from chip.sim.imperfection import Imperfection
from chip.sim.simulator import Simulator

BANDS, DELAYS, STEPS = 4, 2, 4
BOXES: list[Box] = [
    {0: (2, None)},
    {0: (None, 2), 5: (-1, None)},
    {1: (-2, 3), 9: (None, 4)},
    {2: (1, 5), 3: (None, 0), 4: (1, None)},
    {7: (None, -1)},
]


def gated_circuit(weights: npt.NDArray[np.int32] | None = None, threshold: int = 12) -> Circuit:
    """Return a circuit of eight comparators of a band each, with synapses from gates."""
    gates, _ = gates_for_boxes(BOXES, 8)
    count = 2 * BANDS
    if weights is None:
        weights = np.random.default_rng(0).integers(-9, 10, (count, len(BOXES))).astype(np.int32)
    direct = np.zeros((count, (DELAYS + 1) * BANDS), np.int32)
    direct[np.arange(count), BANDS + np.arange(count)] = 3
    ones = np.ones(count, np.int32)
    return Circuit(
        bands=BANDS,
        micro_steps=STEPS,
        delays=DELAYS,
        kinds=(PHASE_KIND,),
        tap_weights=direct,
        sums=SumNeurons.none(direct.shape[1]),
        sum_weights=np.zeros((count, 0), np.int32),
        thresholds=threshold * ones,
        channels=np.arange(count, dtype=np.int32),
        loads=ones,
        divisors=np.ones(SUB_BAND_GROUPS, np.int32),
        gates=replace(gates, comparator_weights=weights),
    )


def some_events(seed: int, steps: int = 300, streams: int = 3) -> npt.NDArray[np.int8]:
    """Return events of levels that vary by some events around zero, [steps, streams, bands]."""
    random = np.random.default_rng(seed)
    target = 6 * np.sin(np.arange(steps)[:, None, None] / 17 + random.uniform(0, 6, (streams, BANDS)))
    target = np.rint(target + random.normal(0, 1.5, target.shape)).astype(int)
    held, events = np.zeros((streams, BANDS), int), np.zeros(target.shape, np.int8)
    for step, goal in enumerate(target):
        events[step] = np.sign(goal - held)
        held += events[step]
    return events


def levels_of(events: npt.NDArray[np.int8]) -> npt.NDArray[np.int32]:
    """Return the levels of all taps, [streams, steps, taps]."""
    found: npt.NDArray[np.int32] = delayed_taps(events.transpose(1, 0, 2), DELAYS, STEPS).cumsum(
        axis=1, dtype=np.int32
    )
    return found


def comparators_of(circuit: Circuit, events: npt.NDArray[np.int8], **options: Any) -> npt.NDArray[np.int8]:
    """Return the spikes of the comparators, [streams, steps, comparators]."""
    network = circuit.to_network()
    neurons = Simulator(network, v_sat=2047, **options).run(events, record="all").neurons
    assert neurons is not None
    chosen = [i for i, label in enumerate(network.labels) if label.endswith("comparator")]
    return np.asarray(neurons[:, :, chosen].transpose(1, 0, 2))


@pytest.mark.parametrize("seed", [1, 2])
def test_comparators_hold_the_weight_of_open_gates(seed: int) -> None:
    circuit, events = gated_circuit(), some_events(seed)
    levels = levels_of(events)
    assert circuit.gates is not None
    held = (
        levels @ circuit.tap_weights.T
        + circuit.gates.received_gates(levels) @ circuit.gates.comparator_weights.T
    )
    assert np.array_equal(comparators_of(circuit, events) != 0, held >= 12)
    assert 0.05 < (held >= 12).mean() < 0.95


def test_a_gate_is_open_inside_its_box_or_outside_it() -> None:
    gates, outside = gates_for_boxes(BOXES, 8)
    # The first and the fourth box require a level of at least one: zero is outside of both.
    assert outside.tolist() == [False, True, True, False, False]
    levels = levels_of(some_events(3)).reshape(-1, 12)
    for number, box in enumerate(BOXES):
        inside = np.ones(len(levels), bool)
        for tap, (low, high) in box.items():
            inside &= (low is None or levels[:, tap] >= low) & (high is None or levels[:, tap] < high)
        assert 0 < inside.mean() < 1
        assert np.array_equal(gates.open_gates(levels)[:, number], inside ^ outside[number])
    assert not gates.open_gates(np.zeros((1, 12), np.int32)).any()


def test_gates_act_on_comparators_three_steps_later() -> None:
    events = np.zeros((12, 1, BANDS), np.int8)
    events[2:4, 0, 0] = 1
    gates, _ = gates_for_boxes(BOXES[:1], 8)
    received = gates.received_gates(levels_of(events))[0, :, 0]
    assert received.tolist() == [0] * (3 + GATE_LATENCY_STEPS) + [1] * (9 - GATE_LATENCY_STEPS)


def test_boxes_share_splits() -> None:
    gates, _ = gates_for_boxes([{0: (2, None)}, {0: (None, 2)}, {0: (2, None), 1: (1, None)}], 8)
    assert list(zip(gates.split_taps.tolist(), gates.split_thresholds.tolist(), strict=True)) == [
        (0, 2),
        (1, 1),
    ]
    assert gates.split_signs.tolist() == [[1, 0], [1, 0], [1, 1]]
    assert gates.min_active.tolist() == [1, 1, 2]


def test_torch_equals_the_simulator_before_and_after_training(limits: NeuronLimits) -> None:
    circuit, events = gated_circuit(), some_events(4)
    model = CircuitModel(circuit, limits)
    inputs = torch.from_numpy(events).float()
    for _ in range(2):
        now = model.to_circuit()
        expected = Simulator(now.to_network(), v_sat=2047).run(events).outputs
        with torch.no_grad():
            assert np.array_equal(model(inputs).numpy(), expected)
        assert expected.any()
        optimiser = torch.optim.Adam(model.parameters(), lr=1.0)
        torch.autograd.backward(model(inputs).square().mean())
        optimiser.step()
        model.keep_within_limits()
    after = model.to_circuit().gates
    assert after is not None
    assert circuit.gates is not None
    assert not np.array_equal(after.comparator_weights, circuit.gates.comparator_weights)
    assert (after.comparator_weights[circuit.gates.comparator_weights == 0] == 0).all()


def test_unused_gates_are_left_out(senna: ArchSpec) -> None:
    whole = gated_circuit().to_network()
    weights = np.zeros((2 * BANDS, len(BOXES)), np.int32)
    weights[:, 0] = 5
    few = gated_circuit(weights).to_network()
    assert [label for label in few.labels if label.startswith("gate ")] == ["gate 0"]
    assert sum(label.startswith("split ") for label in few.labels) == 1
    assert few.n_neurons < whole.n_neurons
    for network in (few, whole):
        assert [found for found in check(network, senna) if found.severity == "error"] == []


def test_mismatch_does_not_accumulate() -> None:
    events = np.zeros((600, 1, BANDS), np.int8)
    # A box is entered, and left long after.
    events[2:5, 0, 0], events[300:303, 0, 0] = 1, -1
    weights = np.zeros((2 * BANDS, len(BOXES)), np.int32)
    weights[:, 0] = 20
    circuit = gated_circuit(weights, threshold=10)
    for chip in range(20):
        flawed = Imperfection(weight_mismatch_sigma=0.05, seed=chip)
        spikes = comparators_of(circuit, events, imperfection=flawed)[0, :, 4:]
        assert spikes[20:290].all(), chip
        assert not spikes[320:].any(), chip


@pytest.mark.parametrize(
    "changes",
    [
        {"split_thresholds": np.array([0], np.int32)},
        {"min_active": np.array([0], np.int32)},
        {"unit": 7},
        {"unit": 0},
        {"split_signs": np.ones((2, 1), np.int32)},
        {"comparator_weights": np.ones((3, 2), np.int32)},
    ],
)
def test_invalid_gates_are_refused(changes: dict[str, Any]) -> None:
    gates, _ = gates_for_boxes(BOXES[:1], 8)
    with pytest.raises(ModelError):
        replace(gates, **changes)


def test_gates_must_match_their_circuit() -> None:
    circuit = gated_circuit()
    assert isinstance(circuit.gates, Gates)
    with pytest.raises(ModelError, match="8 comparators and 12 taps"):
        replace(
            circuit, gates=replace(circuit.gates, comparator_weights=circuit.gates.comparator_weights[:3])
        )
    far = circuit.gates.split_taps.copy()
    far[0] = 12
    with pytest.raises(ModelError, match="12 taps"):
        replace(circuit, gates=replace(circuit.gates, split_taps=far))
