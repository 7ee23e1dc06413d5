"""Wiring: what is where, how far relays go, and that they delay by exactly one frame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.student.circuit import FILTER_KINDS, Circuit, DriftIntegrators, SumNeurons
from anomaly.student.closed_form.first_layer import delayed_taps, membrane_potentials, sum_neuron_spikes
from anomaly.student.neuron_limits import NeuronLimits
from chip.arch import ArchSpec
from chip.network import Network
from chip.rules import check
from chip.sim.imperfection import Imperfection
from chip.sim.simulator import Simulator


def one_tap_each(bands: int, delays: int, threshold: int, micro_steps: int) -> Circuit:
    """A comparator with a synapse of weight 1 on every tap."""
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
        weights=weights,
        sums=SumNeurons.none((delays + 1) * bands),
        heard=np.zeros((count, 0), np.int32),
        thresholds=threshold * ones,
        channels=0 * ones,
        loads=ones,
        divisors=np.ones(SUB_BAND_GROUPS, np.int32),
    )


def comparators_of(network: Network, events: np.ndarray[Any, np.dtype[np.int8]]) -> Any:
    """Spikes of the comparators, [steps, streams, comparators], in order."""
    neurons = Simulator(network, v_sat=2047).run(events, record="all").neurons
    assert neurons is not None
    return neurons[:, :, [i for i, label in enumerate(network.labels) if label.endswith("comparator")]]


@pytest.mark.parametrize("micro_steps", [1, 3, 4])
@pytest.mark.parametrize(("threshold", "leak"), [(1, 0), (2, 0), (5, 0), (1, 1), (2, 1), (5, 4)])
def test_what_is_foretold_is_what_comparators_hold(micro_steps: int, threshold: int, leak: int) -> None:
    circuit = replace(one_tap_each(4, 3, threshold, micro_steps), leak=leak)
    random = np.random.default_rng(threshold)
    events = random.choice(np.array([-1, 0, 0, 1, 1], np.int8), (60, 2, 4))
    taps = delayed_taps(events.transpose(1, 0, 2), 3, micro_steps).astype(np.float64)
    held = membrane_potentials(taps, leak).transpose(1, 0, 2)
    spikes = comparators_of(circuit.to_network(), events)
    assert np.array_equal(spikes, (held >= threshold).astype(np.int8))
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
    # Band 2 of the frame before through a sum; nobody listens to the other sum.
    sums = np.zeros((2, 12), np.int32)
    sums[0, 6], sums[1, 11] = 3, 5
    circuit = replace(
        small(4, 2, weights),
        sums=SumNeurons(sums, np.array([4, 4], np.int32)),
        heard=np.array([[0, 0], [7, 0]], np.int32),
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


def test_neurons_have_the_synapses_of_their_rows(circuit: Circuit) -> None:
    network = circuit.to_network()
    sums = [i for i, label in enumerate(network.labels) if label.startswith("sum ")]
    comparators = [i for i, label in enumerate(network.labels) if label.endswith("comparator")]
    used = np.flatnonzero((circuit.heard != 0).any(axis=0))
    assert (network.fan_in()[sums] == (circuit.sums.weights[used] != 0).sum(axis=1)).all()
    own = (circuit.weights != 0).sum(axis=1) + (circuit.heard != 0).sum(axis=1)
    assert (network.fan_in()[comparators] == own).all()
    fed = np.bincount(circuit.channels, minlength=48)
    assert (network.fan_in()[network.outputs] == fed).all()
    assert (network.theta_p[comparators] == circuit.thresholds).all()
    assert (network.decay[comparators] == circuit.leak).all()
    assert network.negative[sums].all()
    assert not network.negative[comparators].any()


@pytest.mark.parametrize("leak", [0, 1, 3])
def test_a_sum_sends_its_changes(leak: int) -> None:
    """However the quantum is chosen, what was sent never lies a quantum or more from the sum for long."""
    weights = np.array([[3, -2, 5, 0]], np.int32)
    circuit = replace(
        small(4, 0, np.zeros((1, 4), np.int32)),
        sums=SumNeurons(weights, np.array([6], np.int32)),
        heard=np.ones((1, 1), np.int32),
        leak=leak,
    )
    events = np.random.default_rng(3).choice(np.array([-1, 0, 0, 0, 1], np.int8), (300, 1, 4))
    network = circuit.to_network()
    neurons = Simulator(network, v_sat=2047).run(events, record="all").neurons
    assert neurons is not None
    spikes = neurons[:, 0, [label.startswith("sum") for label in network.labels]].astype(np.int64)
    currents = events[:, 0].astype(np.float64) @ weights.T.astype(np.float64)
    # What a listener without rounding would hold of either.
    kept = (1 - 2.0**-leak if leak else 1.0) ** np.arange(300)
    total, sent = (np.convolve(values[:, 0], kept)[:300] for values in (currents, 6 * spikes))
    # A membrane below 2^n does not leak: that much may be missing from what was sent, on and on.
    assert np.abs(total - sent).max() < 12 + (1 << leak if leak else 0)
    assert leak or np.mean(np.abs(total - sent) < 6) > 0.8
    # What `sum_neuron_spikes` foretells is what a listener has: the newest spike a step late.
    heard = sum_neuron_spikes(currents[None], np.array([6], np.int32), leak)[0]
    assert not heard[0].any()
    assert np.array_equal(heard[1:], spikes[:-1])


def test_a_comparator_hears_a_sum_a_step_later() -> None:
    circuit = replace(
        small(1, 0, np.zeros((1, 1), np.int32), threshold=5),
        sums=SumNeurons(np.array([[4]], np.int32), np.array([4], np.int32)),
        heard=np.array([[5]], np.int32),
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
    # Wrong all the time: a load of four, one spike in every step, a step later, and no backlog.
    assert outputs[:, 5].tolist() == [0] + [1] * 29
    assert outputs.sum() == 29


def test_relays_forget_what_mismatch_leaves() -> None:
    """With weights that deviate by a twentieth, a chain still passes each event once and nothing else."""
    circuit = one_tap_each(1, 2, 1, 4)
    chip = Imperfection(weight_mismatch_sigma=0.05, seed=3)
    network = circuit.to_network()
    last = [i for i, label in enumerate(network.labels) if label == "relay band 0 step 8"]
    events = np.random.default_rng(5).choice(np.array([-1, 0, 1, 1], np.int8), (400, 1, 1))
    neurons = Simulator(network, v_sat=2047, imperfection=chip).run(events, record="all").neurons
    assert neurons is not None
    assert np.array_equal(neurons[8:, 0, last[0]], events[1:-7, 0, 0])


def test_limits_are_those_of_the_chip(senna: ArchSpec, limits: NeuronLimits) -> None:
    assert limits == NeuronLimits(
        fan_in=25, weight_max=31, threshold_max=255, v_sat=2047, fan_out=256, leaks=tuple(range(1, 11))
    )
    assert limits.relay_leak == 1
    assert replace(limits, leaks=()).relay_leak == 0


def test_a_random_circuit_fits(circuit: Circuit, senna: ArchSpec) -> None:
    assert [finding for finding in check(circuit.to_network(), senna) if finding.severity == "error"] == []


def slow_of(neurons: int, comparators: int, channel: int = 0, threshold: int = 1) -> DriftIntegrators:
    """So many of them, all the same."""
    heights, fed, loads = (np.full(neurons, value, np.int32) for value in (threshold, channel, 1))
    return DriftIntegrators(np.ones((neurons, comparators), np.int32), heights, fed, loads)


def test_slow_neurons_are_laid_out_as_told(circuit: Circuit) -> None:
    network = replace(circuit, slow=replace(slow_of(5, 40, channel=3, threshold=9), leak=6)).to_network()
    slow = [i for i, label in enumerate(network.labels) if label == "slow neuron"]
    assert len(slow) == 5
    assert (network.theta_p[slow] == 9).all()
    assert (network.decay[slow] == 6).all()
    assert (network.fan_in()[slow] == 40).all()
    assert not network.negative[slow].any()
    assert network.fan_in()[network.outputs[3]] == np.sum(circuit.channels == 3) + 5


@pytest.mark.parametrize(
    "change",
    [
        {"slow": slow_of(3, 39)},
        {"slow": slow_of(3, 40, channel=48)},
        {"slow": slow_of(3, 40, channel=-1)},
        {"slow": slow_of(3, 40, threshold=0)},
        {"bands": 15},
        {"delays": 1},
        {"thresholds": np.ones(39, np.int32)},
        {"loads": np.ones(39, np.int32)},
        {"sums": SumNeurons(np.ones((11, 48), np.int32), np.ones(11, np.int32))},
        {"sums": SumNeurons(np.ones((12, 47), np.int32), np.ones(12, np.int32))},
        {"heard": np.ones((40, 11), np.int32)},
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


def test_what_slow_neurons_have_must_agree() -> None:
    with pytest.raises(ModelError, match="slow"):
        replace(slow_of(3, 40), loads=np.ones(2, np.int32))


def test_everything_is_found_again_among_the_neurons(circuit: Circuit) -> None:
    wired = circuit.wired()
    names = [*wired.network.input_labels, *wired.network.labels]
    there = np.flatnonzero(wired.taps >= 0).tolist()
    assert {tap for tap in there if tap < circuit.bands} == set(range(circuit.bands))
    for tap in there:
        delay, band = divmod(tap, circuit.bands)
        step = delay * circuit.micro_steps
        assert names[wired.taps[tap]] == (f"relay band {band} step {step}" if delay else f"band {band}")
    for number, neuron in enumerate(wired.sums.tolist()):
        assert (neuron >= 0) == bool(circuit.heard[:, number].any())
        assert neuron < 0 or wired.network.labels[neuron] == f"sum {number}"
    assert all(wired.network.labels[neuron].endswith("comparator") for neuron in wired.comparators)
    heights = np.array(wired.network.theta_p)[wired.comparators]
    assert heights.tolist() == circuit.thresholds.tolist()
