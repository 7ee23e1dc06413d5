"""Cache, delays and resampled year of the false-alarm benchmark."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import monitor_false_alarms as bench


def test_figures_are_cached_until_the_code_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "CACHE", tmp_path / "cache")
    made: list[int] = []

    def make() -> dict[str, float]:
        made.append(1)
        return {"alarms": len(made)}

    assert bench.cached("pump", "a" * 40, make)["alarms"] == 1
    assert bench.cached("pump", "a" * 40, make)["alarms"] == 1
    assert bench.cached("pump", "b" * 40, make)["alarms"] == 2
    assert bench.cached("fan", "b" * 40, make)["alarms"] == 3


def test_the_median_delay_counts_undetected_faults_as_latest() -> None:
    assert bench._median([3.0, None, 5.0]) == 5.0
    assert bench._median([None, None, 5.0]) is None
    assert bench._median([4.0]) == 4.0


def test_a_year_is_365_days_of_whole_takes() -> None:
    year = bench._resampled_year([np.full(500, 1.0), np.full(501, 2.0)])
    assert year.shape[0] == 365
    assert 86_400 <= year.shape[1] < 86_900
    assert set(np.unique(year)) == {1.0, 2.0}
    assert (year[:, :500] == year[:, :1]).all()
