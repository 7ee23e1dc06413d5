"""Past intervals count once they are over, held or not; a reset cuts them short."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from anomaly.prognosis.index.series import HOUR_S, IndexSeries, Reset
from anomaly.prognosis.trend.past_intervals import past_intervals

TIMES = np.arange(200) * HOUR_S
NOISE = np.random.default_rng(5).normal(0.0, 0.1, 200)
RAMP = IndexSeries("pump", "score", TIMES, 0.05 * np.arange(200) + NOISE, 20.0)


def test_a_steady_rise_is_foreseen() -> None:
    found = past_intervals(RAMP)
    assert found.of >= 5
    assert found.held >= 0.8 * found.of


def test_a_rise_that_stops_is_not() -> None:
    stopped = replace(RAMP, values=np.minimum(RAMP.values, 3.0) + NOISE)
    found = past_intervals(stopped)
    assert found.of > found.held


def test_a_reset_before_the_end_of_an_interval() -> None:
    early = replace(RAMP, times_s=TIMES[:100], values=RAMP.values[:100])
    cut = replace(early, resets=tuple(Reset(float(TIMES[at]), "repair") for at in (20, 40, 60, 80)))
    assert past_intervals(cut).of < past_intervals(early).of


def test_too_few_values() -> None:
    assert past_intervals(replace(RAMP, times_s=TIMES[:12], values=NOISE[:12])).of == 0
