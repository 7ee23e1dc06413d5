"""Benchmark of recorded lives: challenge score, figures of alarms and remaining time, and faults of its folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from anomaly.errors import InputError
from anomaly.prognosis.life.past_life import PastLife
from lib.trend.life_figures import alarm_figures, best_guess_s, challenge_score, remaining_figures
from lib.trend.recorded_lives import RecordedLife, recorded_lives
from lib.trend.simulated_figures import healthy_figures, simulated_figures


@pytest.mark.parametrize(
    ("guess_s", "score"), [(100.0, 1.0), (80.0, 0.5), (105.0, 0.5), (60.0, 0.25), (110.0, 0.25)]
)
def test_challenge_score(guess_s: float, score: float) -> None:
    assert challenge_score(guess_s, 100.0) == pytest.approx(score)


def test_the_best_guess_is_rather_early() -> None:
    assert 50.0 < best_guess_s(np.full(3, 100.0), np.full(3, 1 / 3)) < 100.0


def life(name: str, end_s: float, alarm_s: float | None) -> RecordedLife:
    ages = np.linspace(0.0, end_s, 101)
    return RecordedLife(name, PastLife(name, "bands", ages, np.zeros(101), alarm_s))


def test_figures_of_lives() -> None:
    lives = [life("early", 1_000.0, 400.0), life("never", 900.0, None)]
    lives += [life(str(n), 1_000.0 + 50 * n, 900.0) for n in range(4)]
    alarms = alarm_figures(lives)
    assert alarms["lives"]["never"] == {"first_alarm_s": None, "end_s": 900.0}
    assert (alarms["false_in_first_half"], alarms["missed"]) == (1, 1)
    assert alarms["median_lead_s"] == 175.0
    found = remaining_figures(lives)
    assert found["intervals"] + found["without_interval"] == 18
    assert 0.0 <= found["challenge_score"] <= 1.0
    assert set(found["at"]) == {"0.5", "0.75", "0.9"}


def test_lives_of_a_manifest(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    sound = random.normal(0.0, np.repeat(np.where(np.arange(60) < 50, 0.01, 0.1), 160))
    sf.write(tmp_path / "one.flac", sound, 1_600)
    rows = ["path,rate_hz,fault", "one.flac,1600,run to failure", "two.flac,1600,ball"]
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    (one,) = recorded_lives(tmp_path)
    assert (one.name, one.life.end_s) == ("one", 590.0)
    assert one.life.alarm_s == 520.0


def test_faults_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no manifest\.csv"):
        recorded_lives(tmp_path)
    (tmp_path / "manifest.csv").write_text("path,rate_hz,fault\na.flac,1,ball\n")
    with pytest.raises(InputError, match="names no recording"):
        recorded_lives(tmp_path)


def test_simulated_figures() -> None:
    found = simulated_figures(20)
    assert 0.4 <= found["simulated_coverage"] <= 1.0
    assert healthy_figures(10)["healthy_failing_soon"] <= 0.2
