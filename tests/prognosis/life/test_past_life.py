"""A life is the index over age, with its alarm; lives are read from folders and tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomaly.errors import InputError
from anomaly.prognosis.index.series import IndexSeries
from anomaly.prognosis.life.past_life import life_of, past_lives

TIMES = 5_000.0 + 10.0 * np.arange(100)
VALUES = np.where(np.arange(100) < 60, 0.0, 3.0)


def test_age_alarm_and_end() -> None:
    life = life_of(IndexSeries("a", "score", TIMES, VALUES, 2.0))
    assert (life.ages_s[0], life.end_s, life.alarm_s) == (0.0, 990.0, 620.0)
    assert life.until(500.0).alarm_s is None
    assert life.until(500.0).end_s == 500.0
    assert life_of(IndexSeries("a", "score", TIMES, VALUES)).alarm_s is None


def test_an_empty_life() -> None:
    with pytest.raises(InputError, match="holds no value"):
        life_of(IndexSeries("a", "score", TIMES[:0], VALUES[:0]))


def test_lives_of_a_folder(tmp_path: Path) -> None:
    for name in ("b", "a"):
        rows = [
            f"{time},{value},{'ALARM' if value else 'OK'}" for time, value in zip(TIMES, VALUES, strict=True)
        ]
        (tmp_path / f"{name}.csv").write_text("\n".join(["time,score,state", *rows]))
    lives = past_lives(tmp_path)
    assert [life.name for life in lives] == ["a", "b"]
    assert lives[0].alarm_s == 620.0


def test_faults(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no lives"):
        past_lives(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        past_lives(tmp_path / "none")
