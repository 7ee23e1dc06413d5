"""Gates on the chip: what comparators hold of them is what the closed form reckons with, step for step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.student.circuit import PHASE_KIND, Circuit, SumNeurons
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


def made(weights: npt.NDArray[np.int32] | None = None, threshold: int = 12) -> Circuit:
    """Eight comparators of a band each, that hear gates."""
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
        weights=direct,
        sums=SumNeurons.none(direct.shape[1]),
        heard=np.zeros((count, 0), np.int32),
        thresholds=threshold * ones,
        channels=np.arange(count, dtype=np.int32),
        loads=ones,
        divisors=np.ones(SUB_BAND_GROUPS, np.int32),
        gates=replace(gates, weights=weights),
    )


def some_events(seed: int, steps: int = 300, streams: int = 3) -> npt.NDArray[np.int8]:
    """Levels that wander within some events of nought, [steps, streams, bands]."""
    random = np.random.default_rng(seed)
    wanted = 6 * np.sin(np.arange(steps)[:, None, None] / 17 + random.uniform(0, 6, (streams, BANDS)))
    wanted = np.rint(wanted + random.normal(0, 1.5, wanted.shape)).astype(int)
    held, events = np.zeros((streams, BANDS), int), np.zeros(wanted.shape, np.int8)
    for step, goal in enumerate(wanted):
        events[step] = np.sign(goal - held)
        held += events[step]
    return events


def levels_of(events: npt.NDArray[np.int8]) -> npt.NDArray[np.int32]:
    """Of all taps, [streams, steps, taps]."""
    found: npt.NDArray[np.int32] = delayed_taps(events.transpose(1, 0, 2), DELAYS, STEPS).cumsum(
        axis=1, dtype=np.int32
    )
    return found


def comparators_of(circuit: Circuit, events: npt.NDArray[np.int8], **what: Any) -> npt.NDArray[np.int8]:
    """Spikes of the comparators, [streams, steps, comparators]."""
    network = circuit.to_network()
    neurons = Simulator(network, v_sat=2047, **what).run(events, record="all").neurons
    assert neurons is not None
    chosen = [i for i, label in enumerate(network.labels) if label.endswith("comparator")]
    return np.asarray(neurons[:, :, chosen].transpose(1, 0, 2))


@pytest.mark.parametrize("seed", [1, 2])
def test_comparators_hold_their_weight_while_a_gate_is_open(seed: int) -> None:
    circuit, events = made(), some_events(seed)
    levels = levels_of(events)
    assert circuit.gates is not None
    held = levels @ circuit.weights.T + circuit.gates.told(levels) @ circuit.gates.weights.T
    assert np.array_equal(comparators_of(circuit, events) != 0, held >= 12)
    assert 0.05 < (held >= 12).mean() < 0.95


def test_a_gate_is_open_inside_its_box_or_outside_it() -> None:
    gates, outside = gates_for_boxes(BOXES, 8)
    # The fourth box needs a level of at least one somewhere, as the first does: nought is outside of both.
    assert outside.tolist() == [False, True, True, False, False]
    levels = levels_of(some_events(3)).reshape(-1, 12)
    for number, box in enumerate(BOXES):
        inside = np.ones(len(levels), bool)
        for tap, (low, high) in box.items():
            inside &= (low is None or levels[:, tap] >= low) & (high is None or levels[:, tap] < high)
        assert 0 < inside.mean() < 1
        assert np.array_equal(gates.open(levels)[:, number], inside ^ outside[number])
    assert not gates.open(np.zeros((1, 12), np.int32)).any()


def test_gates_are_heard_three_steps_later() -> None:
    events = np.zeros((12, 1, BANDS), np.int8)
    events[2:4, 0, 0] = 1
    gates, _ = gates_for_boxes(BOXES[:1], 8)
    told = gates.told(levels_of(events))[0, :, 0]
    assert told.tolist() == [0] * (3 + GATE_LATENCY_STEPS) + [1] * (9 - GATE_LATENCY_STEPS)


def test_boxes_share_splits() -> None:
    gates, _ = gates_for_boxes([{0: (2, None)}, {0: (None, 2)}, {0: (2, None), 1: (1, None)}], 8)
    assert list(zip(gates.taps.tolist(), gates.heights.tolist(), strict=True)) == [(0, 2), (1, 1)]
    assert gates.needs.tolist() == [[1, 0], [1, 0], [1, 1]]
    assert gates.least.tolist() == [1, 1, 2]


def test_torch_is_the_simulator_before_and_after_training(limits: NeuronLimits) -> None:
    circuit, events = made(), some_events(4)
    model = CircuitModel(circuit, limits)
    given = torch.from_numpy(events).float()
    for _ in range(2):
        now = model.to_circuit()
        expected = Simulator(now.to_network(), v_sat=2047).run(events).outputs
        with torch.no_grad():
            assert np.array_equal(model(given).numpy(), expected)
        assert expected.any()
        optimiser = torch.optim.Adam(model.parameters(), lr=1.0)
        torch.autograd.backward(model(given).square().mean())
        optimiser.step()
        model.keep_within_limits()
    after = model.to_circuit().gates
    assert after is not None
    assert circuit.gates is not None
    assert not np.array_equal(after.weights, circuit.gates.weights)
    assert (after.weights[circuit.gates.weights == 0] == 0).all()


def test_gates_that_nobody_hears_are_left_out(senna: ArchSpec) -> None:
    whole = made().to_network()
    weights = np.zeros((2 * BANDS, len(BOXES)), np.int32)
    weights[:, 0] = 5
    few = made(weights).to_network()
    assert [label for label in few.labels if label.startswith("gate ")] == ["gate 0"]
    assert sum(label.startswith("split ") for label in few.labels) == 1
    assert few.n_neurons < whole.n_neurons
    for network in (few, whole):
        assert [found for found in check(network, senna) if found.severity == "error"] == []


def test_mismatch_leaves_nothing_behind() -> None:
    events = np.zeros((600, 1, BANDS), np.int8)
    # Two boxes are entered, and left again long after; in between nothing may pile up.
    events[2:5, 0, 0], events[300:303, 0, 0] = 1, -1
    weights = np.zeros((2 * BANDS, len(BOXES)), np.int32)
    weights[:, 0] = 20
    circuit = made(weights, threshold=10)
    for chip in range(20):
        flawed = Imperfection(weight_mismatch_sigma=0.05, seed=chip)
        spikes = comparators_of(circuit, events, imperfection=flawed)[0, :, 4:]
        assert spikes[20:290].all(), chip
        assert not spikes[320:].any(), chip


@pytest.mark.parametrize(
    "changes",
    [
        {"heights": np.array([0], np.int32)},
        {"least": np.array([0], np.int32)},
        {"unit": 7},
        {"unit": 0},
        {"needs": np.ones((2, 1), np.int32)},
        {"weights": np.ones((3, 2), np.int32)},
    ],
)
def test_gates_that_make_no_sense_are_refused(changes: dict[str, Any]) -> None:
    gates, _ = gates_for_boxes(BOXES[:1], 8)
    with pytest.raises(ModelError):
        replace(gates, **changes)


def test_gates_belong_to_their_circuit() -> None:
    circuit = made()
    assert isinstance(circuit.gates, Gates)
    with pytest.raises(ModelError, match="8 comparators and 12 taps"):
        replace(circuit, gates=replace(circuit.gates, weights=circuit.gates.weights[:3]))
    far = circuit.gates.taps.copy()
    far[0] = 12
    with pytest.raises(ModelError, match="12 taps"):
        replace(circuit, gates=replace(circuit.gates, taps=far))
