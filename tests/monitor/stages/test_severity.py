"""Severity of an alarm: steps above the limit score, each only once it is held."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from anomaly.detect.calibration.calibration import Calibration
from anomaly.monitor.stages.severity import SeverityGauge

# Scores of normal sound from 0 to 1: the limit score is their quantile 1 - exp(-2.5), about 0.92.
NORMAL = cast(Calibration, SimpleNamespace(scores=np.linspace(0.0, 1.0, 10_001)))
LIMIT = 1.0 - math.exp(-2.5)


@pytest.mark.parametrize(
    ("score", "step"),
    [(1.0, 1), (1.99 * LIMIT, 1), (2.01 * LIMIT, 2), (3.99 * LIMIT, 2), (4.01 * LIMIT, 3), (1e9, 3)],
)
def test_each_step_is_twice_the_score(score: float, step: int) -> None:
    gauge = SeverityGauge(NORMAL)
    assert [gauge.second(score) for _ in range(12)] == [1] * 9 + [step] * 3


def test_one_loud_second_is_no_step() -> None:
    gauge = SeverityGauge(NORMAL)
    assert {gauge.second(99.0 if second % 9 else 1.0) for second in range(100)} == {1}


def test_seconds_before_the_alarm_do_not_count() -> None:
    gauge = SeverityGauge(NORMAL)
    for _ in range(9):
        gauge.second(99.0)
    gauge.reset()
    assert gauge.second(99.0) == 1
    for _ in range(9):
        gauge.second(99.0)
    gauge.calibrate(NORMAL)
    assert gauge.second(99.0) == 1


def test_without_a_calibration_every_alarm_is_minor() -> None:
    gauge = SeverityGauge(None)
    assert {gauge.second(99.0) for _ in range(20)} == {1}
