"""Remaining life from lives like this one: interval, record, and the reasons for none."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.errors import InputError
from anomaly.prognosis.index.series import IndexSeries
from anomaly.prognosis.life.life_report import life_report
from anomaly.prognosis.life.past_life import PastLife, life_of
from anomaly.prognosis.life.remaining_life import RemainingLife


def series(end_s: float, name: str = "life") -> IndexSeries:
    """A life whose index is steady for three quarters of it, and then rises from 0 to 4; its alarm is at 1."""
    times = np.linspace(0.0, end_s, 200)
    return IndexSeries(name, "score", times, np.maximum(times / end_s - 0.75, 0.0) * 16.0, 1.0)


LIVES = [life_of(series(end_s)) for end_s in (8_000, 9_000, 10_000, 11_000, 12_000, 13_000)]


@pytest.mark.parametrize("share", [0.6, 0.7, 0.85, 0.95])
def test_the_interval_holds_lives_like_the_others(share: float) -> None:
    life = life_of(series(10_500.0)).until(share * 10_500.0)
    found = RemainingLife(LIVES).interval(life)
    assert found is not None
    assert found.holds(10_500.0 - life.end_s)


def test_lives_past_their_alarm_are_compared_with_each_other() -> None:
    model = RemainingLife(LIVES)
    before, after = (model.interval(life_of(series(10_500.0)).until(age_s)) for age_s in (8_000.0, 9_000.0))
    assert before is not None
    assert after is not None
    assert after.upper_s < before.upper_s


def test_an_alarm_that_no_other_life_had() -> None:
    quiet = [PastLife("q", "score", life.ages_s, life.levels, None) for life in LIVES]
    assert RemainingLife(quiet).interval(LIVES[0].until(7_500.0)) is not None


def test_samples_are_weighted() -> None:
    times, weights = RemainingLife(LIVES).samples(LIVES[0].until(6_000.0))
    assert weights.sum() == pytest.approx(1.0)
    assert times.min() > 0.0


def test_report() -> None:
    found = life_report(series(10_500.0).until(7_000.0), LIVES)
    assert found.interval is not None
    assert found.record.of == 18
    assert found.to_dict()["lives"] == 6


def test_no_interval() -> None:
    few = life_report(series(10_500.0), LIVES[:4])
    assert (few.interval, few.no_interval) == (None, "4 past lives, 5 are needed")
    unlike = [life_of(series(10.0**power)) for power in range(3, 9)]
    found = life_report(series(10_500.0).until(7_000.0), unlike)
    assert found.interval is None
    assert found.no_interval


def test_lives_of_another_index() -> None:
    bands = PastLife("b", "bands", LIVES[0].ages_s, LIVES[0].levels, None)
    with pytest.raises(InputError, match="is an index of bands"):
        life_report(series(10_500.0), [*LIVES[1:], bands])
