"""Probabilities of comb matches in white noise."""

from __future__ import annotations

import numpy as np

from anomaly.diagnose.physics.bearing_evidence import bearing_evidence
from anomaly.diagnose.physics.fault_lines import bearing_lines
from tests.diagnose.physics.conftest import FACTS, RATE_HZ, SHAFT_HZ


def test_p_values_are_honest_in_white_noise() -> None:
    """Of 480 p values, about a twentieth lies below 0.05, and few below 0.005."""
    rng = np.random.default_rng(5)
    lines = bearing_lines(FACTS)
    p_values = [
        one.p_value
        for _ in range(120)
        for one in bearing_evidence(rng.standard_normal(RATE_HZ), RATE_HZ, SHAFT_HZ, lines)
    ]
    assert 10 <= sum(p < 0.05 for p in p_values) <= 42
    assert sum(p < 0.005 for p in p_values) <= 8
