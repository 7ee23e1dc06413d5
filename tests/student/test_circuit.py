"""Wiring: what is where, how far relays go, and that they delay by exactly one frame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from anomaly.detect.pooling import GROUPS
from anomaly.errors import ModelError
from anomaly.student.circuit import KINDS, Circuit, Limits, taps_of
from chip.arch import ArchSpec
from chip.network import Network
from chip.rules import check
from chip.simulate import Simulator


def one_tap_each(bands: int, delays: int, threshold: int, micro_steps: int) -> Circuit:
    """A comparator of weight 1 on every tap."""
    taps = (delays + 1) * bands
    return Circuit(
        bands=bands,
        micro_steps=micro_steps,
        delays=delays,
        weights=np.eye(taps, dtype=np.int32),
        thresholds=np.full(taps, threshold, np.int32),
        channels=np.zeros(taps, np.int32),
        divisors=np.ones(GROUPS, np.int32),
    )


def comparators_of(network: Network, events: np.ndarray[Any, np.dtype[np.int8]]) -> Any:
    """Spikes of the comparators, [steps, streams, comparators], in order."""
    neurons = Simulator(network, v_sat=2047).run(events, record="all").neurons
    assert neurons is not None
    return neurons[:, :, [i for i, label in enumerate(network.labels) if label.endswith("comparator")]]


@pytest.mark.parametrize("micro_steps", [1, 3, 4])
@pytest.mark.parametrize("threshold", [1, 2, 5])
def test_taps_are_what_comparators_hold(micro_steps: int, threshold: int) -> None:
    circuit = one_tap_each(4, 3, threshold, micro_steps)
    random = np.random.default_rng(threshold)
    events = random.choice(np.array([-1, 0, 0, 1, 1], np.int8), (60, 2, 4))
    taps = taps_of(events.transpose(1, 0, 2), 3, micro_steps).transpose(1, 0, 2)
    spikes = comparators_of(circuit.to_network(), events)
    assert np.array_equal(spikes, (taps >= threshold).astype(np.int8))
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
    # Band 0 of this frame, band 1 of two frames ago, band 2 of the frame before.
    weights[0, 0], weights[0, 9], weights[1, 6] = 1, -2, 3
    circuit = Circuit(
        bands=4,
        micro_steps=4,
        delays=2,
        weights=weights,
        thresholds=np.ones(2, np.int32),
        channels=np.zeros(2, np.int32),
        divisors=np.ones(GROUPS, np.int32),
    )
    labels = circuit.to_network().labels
    relays = [label for label in labels if label.startswith("relay")]
    assert len(relays) == 8 + 4
    assert {label.split(" step")[0] for label in relays} == {"relay band 1", "relay band 2"}


def test_outputs_are_ordered_by_kind_and_group(circuit: Circuit) -> None:
    network = circuit.to_network()
    assert [network.labels[neuron] for neuron in network.outputs] == [
        f"{kind} group {group}" for kind in KINDS for group in range(GROUPS)
    ]
    assert (network.theta_p[network.outputs] == circuit.divisors).all()
    assert (network.w_fb[network.outputs] == circuit.divisors).all()


def test_neurons_have_the_synapses_of_their_rows(circuit: Circuit) -> None:
    network = circuit.to_network()
    comparators = [i for i, label in enumerate(network.labels) if label.endswith("comparator")]
    assert (network.fan_in()[comparators] == (circuit.weights != 0).sum(axis=1)).all()
    fed = np.bincount(circuit.channels, minlength=48)
    assert (network.fan_in()[network.outputs] == fed).all()
    assert (network.theta_p[comparators] == circuit.thresholds).all()
    assert not network.negative[comparators].any()


def test_a_read_out_divides_the_spikes_of_its_comparators() -> None:
    weights = np.zeros((3, 1), np.int32)
    weights[:, 0] = 1
    divisors = np.ones(GROUPS, np.int32)
    divisors[5] = 3
    circuit = Circuit(1, 4, 0, weights, np.ones(3, np.int32), np.full(3, 5, np.int32), divisors)
    events = np.zeros((30, 1, 1), np.int8)
    events[0] = 1
    outputs = Simulator(circuit.to_network(), v_sat=2047).run(events).outputs[:, 0]
    # Wrong all the time: three comparators, one spike in every step, one step later, and no backlog.
    assert outputs[:, 5].tolist() == [0] + [1] * 29
    assert outputs.sum() == 29


def test_limits_are_those_of_the_chip(senna: ArchSpec, limits: Limits) -> None:
    assert limits == Limits(fan_in=25, weight_max=31, threshold_max=255, v_sat=2047, fan_out=256)


def test_a_random_circuit_fits(circuit: Circuit, senna: ArchSpec) -> None:
    assert [finding for finding in check(circuit.to_network(), senna) if finding.severity == "error"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"bands": 15},
        {"delays": 1},
        {"thresholds": np.ones(39, np.int32)},
        {"channels": np.zeros(41, np.int32)},
        {"channels": np.full(40, 48, np.int32)},
        {"divisors": np.ones(47, np.int32)},
        {"divisors": np.ones(64, np.int32)},
        {"divisors": np.ones(0, np.int32)},
    ],
)
def test_shapes_must_agree(circuit: Circuit, change: dict[str, Any]) -> None:
    with pytest.raises(ModelError):
        replace(circuit, **change)
