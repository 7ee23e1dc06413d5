from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anomaly.detect.detectors.student import Activity, StudentDetector
from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder
from anomaly.features.front_end import segment_levels
from anomaly.features.mel import Samples
from chip.builder import NetworkBuilder
from chip.network import Network
from chip.sim.simulator import Simulator

V_SAT = 2047


def counters(bands: int = 2, outputs: int = SUB_BAND_GROUPS) -> Network:
    """Every output fires in each step in which band 0 lies two events above its mean."""
    builder = NetworkBuilder(bands)
    for _ in range(outputs):
        neuron = builder.add_neuron(theta_p=2)
        builder.connect(0, neuron, 1)
        builder.output(neuron)
    return builder.build()


CODE = DeltaCode(np.array([-5000, -5000], np.int32), np.array([100, 100], np.int32), 4)


def test_levels_are_spike_counts_of_each_frame() -> None:
    student = StudentDetector(CODE, counters(), V_SAT)
    student.reset(1)
    levels = np.array([[[-5000, 0], [-4700, 0], [-4600, 0], [-5100, 0]]], np.int32)
    # Events of band 0: none; +2 (within a threshold of +3); +1; then three down to nothing.
    assert student.push(levels)[0, :, 0].tolist() == [0, 3, 4, 1]


def test_it_runs_the_network_of_the_simulator(small: Any, sound: Samples) -> None:
    levels = segment_levels(sound, small.front_end)[:2]
    student = small.detector("student")
    student.reset(2)
    counts = student.push(levels)
    for stream in range(2):
        events = DeltaEncoder(small.code).push(levels[stream : stream + 1])[0]
        steps = events.reshape(-1, 1, small.code.bands)
        spikes = Simulator(small.network, v_sat=V_SAT).run(steps).outputs[:, 0].astype(int)
        assert np.array_equal(counts[stream], spikes.reshape(len(events), -1, spikes.shape[1]).sum(axis=1))
    assert (student.bands, student.channels, student.micro_steps) == (32, small.network.n_outputs, 4)


def test_activity_is_counted_over_all_streams() -> None:
    student = StudentDetector(CODE, counters(), V_SAT)
    assert student.activity == Activity()
    student.reset(3)
    student.push(np.full((3, 2, 2), -4700, np.int32))
    # Two events a band and stream arrive; those of band 0 at sixteen neurons, which then fire till the end.
    assert student.activity == Activity(
        steps=3 * 8, sop=3 * 2 * 16, spikes=3 * 16 * 7, input_spikes=3 * 4, saturations=0
    )


def test_a_reset_restores_the_initial_state(small: Any, sound: Samples) -> None:
    levels = segment_levels(sound, small.front_end)
    student = small.detector("student")
    student.reset(2)
    student.push(levels[:2])
    student.reset(1)
    fresh = small.detector("student")
    fresh.reset(1)
    assert np.array_equal(student.push(levels[1:2]), fresh.push(levels[1:2]))


def test_a_fresh_one_shares_nothing_that_changes(small: Any, sound: Samples) -> None:
    levels = segment_levels(sound, small.front_end)[:1]
    student = small.detector("student")
    student.reset(1)
    student.push(levels)
    twin = student.fresh()
    twin.reset(1)
    again = twin.push(levels)
    assert twin.activity == student.activity
    assert twin.activity is not student.activity
    student.reset(1)
    assert np.array_equal(student.push(levels), again)


@pytest.mark.parametrize(
    "network", [counters(bands=3), counters(outputs=SUB_BAND_GROUPS + 1), counters(outputs=0)], ids=str
)
def test_encoder_and_network_must_match(network: Network) -> None:
    with pytest.raises(ModelError, match=r"network\.bit: the network has"):
        StudentDetector(CODE, network, V_SAT)
