"""Limits of neurons, read from an architecture."""

from __future__ import annotations

from dataclasses import replace

from anomaly.student.neuron_limits import NeuronLimits
from chip.arch import ArchSpec


def test_limits_are_those_of_the_chip(senna: ArchSpec, limits: NeuronLimits) -> None:
    assert limits == NeuronLimits(
        fan_in=25, weight_max=31, threshold_max=255, v_sat=2047, fan_out=256, leaks=tuple(range(1, 11))
    )
    assert limits.relay_leak == 1
    assert replace(limits, leaks=()).relay_leak == 0
