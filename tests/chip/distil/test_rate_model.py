"""Student in training: integers within the limits, and spikes that are those of the simulator."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from chip.arch import load_arch
from chip.distil.api import Converted
from chip.distil.assemble import assemble
from chip.distil.spike_forward import membranes, spike_trains
from chip.dnn.codes import Encoder, encode
from chip.sim.simulator import Simulator
from support.small_networks import blobs

SENNA = load_arch("senna")


def test_integers_are_within_the_limits(converted: Converted) -> None:
    student = converted.conversion.candidate.student
    for at, layer in enumerate(student.exported()):
        assert np.abs(layer.weight).max() <= SENNA.weight_max
        assert np.abs(layer.bias).max() <= SENNA.weight_max
        assert (layer.weight != 0).sum(axis=1).max() <= student.synapse_limit(at)
        assert 1 <= layer.theta.min() <= layer.theta.max() <= SENNA.threshold_max


@pytest.mark.parametrize("encoder", ["rate", "delta"])
def test_spikes_of_the_training_are_those_of_the_chip(converted: Converted, encoder: Encoder) -> None:
    student = converted.conversion.candidate.student
    levels = np.rint(student.shape.inputs.rates(blobs()[0][:30]) * student.window.steps).astype(int)
    spikes = encode(levels, encoder, student.window.steps, student.window.total)
    found = Simulator(assemble(student, SENNA, encoder).network, v_sat=SENNA.v_sat).run(spikes).outputs
    expected = spike_trains(student, torch.tensor(spikes, dtype=torch.float32))
    np.testing.assert_array_equal(found, expected[-1].numpy())
    potentials = membranes(student, expected)
    assert [one.shape for one in potentials] == [one.shape for one in expected[1:]]


def test_latches_fire_between_both_spikes(converted: Converted) -> None:
    student = converted.conversion.candidate.student
    steps, total = student.window.steps, student.window.total
    levels = np.zeros((1, 12), int)
    levels[0, :2] = 5, -7
    network = assemble(student, SENNA, "ttfs").network
    run = Simulator(network, v_sat=SENNA.v_sat).run(encode(levels, "ttfs", steps, total), record="all")
    assert run.neurons is not None
    assert run.neurons[:, 0, :3].sum(axis=0).tolist() == [5, -7, 0]


def test_counts_follow_the_charge(converted: Converted) -> None:
    student = converted.conversion.candidate.student
    levels = torch.tensor(np.rint(student.shape.inputs.rates(blobs()[0]) * student.window.steps)).float()
    with torch.no_grad():
        counts = student.counts(levels)
        exact = spike_trains(
            student,
            torch.tensor(encode(levels.numpy().astype(int), "rate", 16, student.window.total)).float(),
        )
    difference = (exact[1].sum(dim=0) - counts[1]).abs()
    assert float(difference.mean()) < 1.5
