"""Wiring of a circuit: order of its parts, reach of relays, delays of exactly one frame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.student.circuit import Circuit
from anomaly.student.circuit_parts import FILTER_KINDS, DriftIntegrators, SumNeurons
from anomaly.student.closed_form.first_layer import delayed_taps, membrane_potentials, sum_neuron_spikes
from chip.arch import ArchSpec
from chip.network import Network
from chip.rules import check
from chip.sim.imperfection import Imperfection
from chip.sim.simulator import Simulator


def one_tap_each(bands: int, delays: int, threshold: int, micro_steps: int) -> Circuit:
    """Return a circuit with one comparator of weight 1 for every tap."""
    taps = (delays + 1) * bands
    return small(bands, delays, np.eye(taps, dtype=np.int32), threshold, micro_steps)


def small(
    bands: int,
    delays: int,
    weights: np.ndarray[Any, np.dtype[np.int32]],
    threshold: int = 1,
    micro_steps: int = 4,
) -> Circuit:
    count = len(weights)
    ones = np.ones(count, np.int32)
    return Circuit(
        bands=bands,
        micro_steps=micro_steps,
        delays=delays,
        kinds=("frame",),
        tap_weights=weights,
        sums=SumNeurons.none((delays + 1) * bands),
        sum_weights=np.zeros((count, 0), np.int32),
        thresholds=threshold * ones,
        channels=0 * ones,
        loads=ones,
        divisors=np.ones(SUB_BAND_GROUPS, np.int32),
    )


def comparators_of(network: Network, events: np.ndarray[Any, np.dtype[np.int8]]) -> Any:
    """Return the spikes of the comparators, [steps, streams, comparators], in order."""
    neurons = Simulator(network, v_sat=2047).run(events, record="all").neurons
    assert neurons is not None
    return neurons[:, :, [i for i, label in enumerate(network.labels) if label.endswith("comparator")]]


@pytest.mark.parametrize("micro_steps", [1, 3, 4])
@pytest.mark.parametrize(("threshold", "leak"), [(1, 0), (2, 0), (5, 0), (1, 1), (2, 1), (5, 4)])
def test_predicted_membranes_are_those_of_the_comparators(
    micro_steps: int, threshold: int, leak: int
) -> None:
    circuit = replace(one_tap_each(4, 3, threshold, micro_steps), leak=leak)
    random = np.random.default_rng(threshold)
    events = random.choice(np.array([-1, 0, 0, 1, 1], np.int8), (60, 2, 4))
    taps = delayed_taps(events.transpose(1, 0, 2), 3, micro_steps).astype(np.float64)
    membranes = membrane_potentials(taps, leak).transpose(1, 0, 2)
    spikes = comparators_of(circuit.to_network(), events)
    assert np.array_equal(spikes, (membranes >= threshold).astype(np.int8))
    assert 0 < spikes.mean() < 1


def test_relays_delay_by_exactly_one_frame_each() -> None:
    circuit = one_tap_each(2, 2, 1, 4)
    events = np.zeros((20, 1, 2), np.int8)
    events[3, 0, 0] = 1
    spikes = comparators_of(circuit.to_network(), events)[:, 0]
    first = [int(np.flatnonzero(column)[0]) if column.any() else None for column in spikes.T]
    assert first == [3, None, 7, None, 11, None]


def test_relays_pass_events_of_both_signs_at_any_pace() -> None:
    circuit = one_tap_each(1, 1, 1, 4)
    events = np.array([1, 1, -1, -1, 0, 1, -1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], np.int8)[:, None, None]
    spikes = comparators_of(circuit.to_network(), events)[:, 0]
    assert np.array_equal(spikes[4:, 1], spikes[:-4, 0])


def test_relays_go_only_as_far_back_as_a_band_is_used() -> None:
    weights = np.zeros((2, 12), np.int32)
    # Band 0 of this frame, band 1 of two frames ago.
    weights[0, 0], weights[0, 9] = 1, -2
    # Band 2 of the frame before through a sum; no comparator reads the other sum.
    sums = np.zeros((2, 12), np.int32)
    sums[0, 6], sums[1, 11] = 3, 5
    circuit = replace(
        small(4, 2, weights),
        sums=SumNeurons(sums, np.array([4, 4], np.int32)),
        sum_weights=np.array([[0, 0], [7, 0]], np.int32),
    )
    labels = circuit.to_network().labels
    relays = [label for label in labels if label.startswith("relay")]
    assert len(relays) == 8 + 4
    assert {label.split(" step")[0] for label in relays} == {"relay band 1", "relay band 2"}
    assert [label for label in labels if label.startswith("sum")] == ["sum 0"]


def test_outputs_are_ordered_by_kind_and_group(circuit: Circuit) -> None:
    network = circuit.to_network()
    assert [network.labels[neuron] for neuron in network.outputs] == [
        f"{kind} group {group}" for kind in FILTER_KINDS for group in range(SUB_BAND_GROUPS)
    ]
    assert (network.theta_p[network.outputs] == 2 * circuit.divisors - 1).all()
    assert (network.w_fb[network.outputs] == 2 * circuit.divisors).all()


def test_neurons_have_the_synapses_of_their_weights(circuit: Circuit) -> None:
    network = circuit.to_network()
    sums = [i for i, label in enumerate(network.labels) if label.startswith("sum ")]
    comparators = [i for i, label in enumerate(network.labels) if label.endswith("comparator")]
    used = np.flatnonzero((circuit.sum_weights != 0).any(axis=0))
    assert (network.fan_in()[sums] == (circuit.sums.weights[used] != 0).sum(axis=1)).all()
    own = (circuit.tap_weights != 0).sum(axis=1) + (circuit.sum_weights != 0).sum(axis=1)
    assert (network.fan_in()[comparators] == own).all()
    read = np.bincount(circuit.channels, minlength=48)
    assert (network.fan_in()[network.outputs] == read).all()
    assert (network.theta_p[comparators] == circuit.thresholds).all()
    assert (network.decay[comparators] == circuit.leak).all()
    assert network.negative[sums].all()
    assert not network.negative[comparators].any()


@pytest.mark.parametrize("leak", [0, 1, 3])
def test_a_sum_neuron_sends_its_changes(leak: int) -> None:
    """The integral of the spikes is rarely a quantum or more from the sum."""
    weights = np.array([[3, -2, 5, 0]], np.int32)
    circuit = replace(
        small(4, 0, np.zeros((1, 4), np.int32)),
        sums=SumNeurons(weights, np.array([6], np.int32)),
        sum_weights=np.ones((1, 1), np.int32),
        leak=leak,
    )
    events = np.random.default_rng(3).choice(np.array([-1, 0, 0, 0, 1], np.int8), (300, 1, 4))
    network = circuit.to_network()
    neurons = Simulator(network, v_sat=2047).run(events, record="all").neurons
    assert neurons is not None
    spikes = neurons[:, 0, [label.startswith("sum") for label in network.labels]].astype(np.int64)
    currents = events[:, 0].astype(np.float64) @ weights.T.astype(np.float64)
    # Membranes of a target without rounding, of the currents and of the spikes.
    kept = (1 - 2.0**-leak if leak else 1.0) ** np.arange(300)
    total, sent = (np.convolve(values[:, 0], kept)[:300] for values in (currents, 6 * spikes))
    # A membrane below 2^n does not leak: the spikes may lack that much in every step.
    assert np.abs(total - sent).max() < 12 + (1 << leak if leak else 0)
    assert leak or np.mean(np.abs(total - sent) < 6) > 0.8
    # `sum_neuron_spikes` returns the spikes as targets receive them, a step late.
    received = sum_neuron_spikes(currents[None], np.array([6], np.int32), leak)[0]
    assert not received[0].any()
    assert np.array_equal(received[1:], spikes[:-1])


def test_a_comparator_receives_a_sum_a_step_later() -> None:
    circuit = replace(
        small(1, 0, np.zeros((1, 1), np.int32), threshold=5),
        sums=SumNeurons(np.array([[4]], np.int32), np.array([4], np.int32)),
        sum_weights=np.array([[5]], np.int32),
    )
    events = np.zeros((8, 1, 1), np.int8)
    events[2], events[5] = 1, -1
    assert comparators_of(circuit.to_network(), events)[:, 0, 0].tolist() == [0, 0, 0, 1, 1, 1, 0, 0]


def test_a_read_out_divides_the_load_of_its_comparators() -> None:
    divisors = np.ones(SUB_BAND_GROUPS, np.int32)
    divisors[5] = 4
    circuit = replace(
        small(1, 0, np.ones((3, 1), np.int32)),
        channels=np.full(3, 5, np.int32),
        loads=np.array([1, 1, 2], np.int32),
        divisors=divisors,
    )
    events = np.zeros((30, 1, 1), np.int8)
    events[0] = 1
    outputs = Simulator(circuit.to_network(), v_sat=2047).run(events).outputs[:, 0]
    # A constant error: a load of four, one spike in every step, a step later, and no backlog.
    assert outputs[:, 5].tolist() == [0] + [1] * 29
    assert outputs.sum() == 29


def test_relays_decay_the_residual_of_mismatch() -> None:
    """With weights that deviate by 5 %, a chain passes each event once and nothing else."""
    circuit = one_tap_each(1, 2, 1, 4)
    chip = Imperfection(weight_mismatch_sigma=0.05, seed=3)
    network = circuit.to_network()
    last = [i for i, label in enumerate(network.labels) if label == "relay band 0 step 8"]
    events = np.random.default_rng(5).choice(np.array([-1, 0, 1, 1], np.int8), (400, 1, 1))
    neurons = Simulator(network, v_sat=2047, imperfection=chip).run(events, record="all").neurons
    assert neurons is not None
    assert np.array_equal(neurons[8:, 0, last[0]], events[1:-7, 0, 0])


def test_a_random_circuit_fits(circuit: Circuit, senna: ArchSpec) -> None:
    assert [finding for finding in check(circuit.to_network(), senna) if finding.severity == "error"] == []


def drift_integrators(
    neurons: int, comparators: int, channel: int = 0, threshold: int = 1
) -> DriftIntegrators:
    """Return equal integrators with a synapse from every comparator."""
    thresholds, channels, loads = (np.full(neurons, value, np.int32) for value in (threshold, channel, 1))
    return DriftIntegrators(np.ones((neurons, comparators), np.int32), thresholds, channels, loads)


def test_drift_integrators_are_wired_as_given(circuit: Circuit) -> None:
    network = replace(
        circuit, drift=replace(drift_integrators(5, 40, channel=3, threshold=9), leak=6)
    ).to_network()
    integrators = [i for i, label in enumerate(network.labels) if label == "slow neuron"]
    assert len(integrators) == 5
    assert (network.theta_p[integrators] == 9).all()
    assert (network.decay[integrators] == 6).all()
    assert (network.fan_in()[integrators] == 40).all()
    assert not network.negative[integrators].any()
    assert network.fan_in()[network.outputs[3]] == np.sum(circuit.channels == 3) + 5


@pytest.mark.parametrize(
    "change",
    [
        {"drift": drift_integrators(3, 39)},
        {"drift": drift_integrators(3, 40, channel=48)},
        {"drift": drift_integrators(3, 40, channel=-1)},
        {"drift": drift_integrators(3, 40, threshold=0)},
        {"bands": 15},
        {"delays": 1},
        {"thresholds": np.ones(39, np.int32)},
        {"loads": np.ones(39, np.int32)},
        {"sums": SumNeurons(np.ones((11, 48), np.int32), np.ones(11, np.int32))},
        {"sums": SumNeurons(np.ones((12, 47), np.int32), np.ones(12, np.int32))},
        {"sum_weights": np.ones((40, 11), np.int32)},
        {"channels": np.zeros(41, np.int32)},
        {"channels": np.full(40, 48, np.int32)},
        {"channels": np.full(40, -1, np.int32)},
        {"divisors": np.ones(47, np.int32)},
        {"divisors": np.ones(64, np.int32)},
        {"kinds": ("frame",)},
        {"kinds": ()},
        {"thresholds": np.zeros(40, np.int32)},
        {"divisors": np.zeros(48, np.int32)},
    ],
)
def test_shapes_must_agree(circuit: Circuit, change: dict[str, Any]) -> None:
    with pytest.raises(ModelError):
        replace(circuit, **change)


def test_arrays_of_drift_integrators_must_agree() -> None:
    with pytest.raises(ModelError, match="drift integrators"):
        replace(drift_integrators(3, 40), loads=np.ones(2, np.int32))


def test_a_wired_circuit_knows_the_position_of_its_parts(circuit: Circuit) -> None:
    wired = circuit.wire()
    names = [*wired.network.input_labels, *wired.network.labels]
    present = np.flatnonzero(wired.tap_sources >= 0).tolist()
    assert {tap for tap in present if tap < circuit.bands} == set(range(circuit.bands))
    for tap in present:
        delay, band = divmod(tap, circuit.bands)
        step = delay * circuit.micro_steps
        assert names[wired.tap_sources[tap]] == (
            f"relay band {band} step {step}" if delay else f"band {band}"
        )
    for number, neuron in enumerate(wired.sum_neurons.tolist()):
        assert (neuron >= 0) == bool(circuit.sum_weights[:, number].any())
        assert neuron < 0 or wired.network.labels[neuron] == f"sum {number}"
    assert all(wired.network.labels[neuron].endswith("comparator") for neuron in wired.comparator_neurons)
    heights = np.array(wired.network.theta_p)[wired.comparator_neurons]
    assert heights.tolist() == circuit.thresholds.tolist()
