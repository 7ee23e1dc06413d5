"""A report holds the trend as JSON, as evidence of a case, as tables and as a picture."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anomaly.prognosis.index.series import HOUR_S, IndexSeries, Reset
from anomaly.prognosis.report import TrendReport, trend_report
from anomaly.prognosis.reporting.picture import draw_trend
from anomaly.prognosis.reporting.tables import write_report

START_S = 1_775_044_800.0


def index(values: list[float] | np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> IndexSeries:
    times = START_S + np.arange(len(values)) * HOUR_S
    return IndexSeries("pump", "score", times, np.array(values), 10.0, "given", (Reset(START_S, "repair"),))


@pytest.fixture(scope="module")
def rising() -> TrendReport:
    noise = np.random.default_rng(1).normal(0.0, 0.2, 100)
    return trend_report(index(np.maximum(np.arange(100) - 40, 0) * 0.1 + noise))


def test_json(rising: TrendReport) -> None:
    found = json.loads(json.dumps(rising.to_dict()))
    assert (found["machine"], found["state"], found["alarm_level"]) == ("pump", "rising", 10.0)
    assert found["time_to_alarm"]["lower_s"] < found["time_to_alarm"]["upper_s"]
    assert found["slope_per_day"]["middle"] == pytest.approx(2.4, abs=0.2)
    assert found["change_points"][0]["time"].startswith("2026-04-0")
    assert found["failing_soon"] is True
    assert found["resets"] == [{"time": "2026-04-01T12:00:00.000Z", "reason": "repair"}]


def test_sentence_and_evidence_say_the_same(rising: TrendReport) -> None:
    assert rising.sentence.startswith("Rising since 2026-04-0")
    assert rising.evidence()["upper_s"] == rising.to_dict()["time_to_alarm"]["upper_s"]


def test_files(rising: TrendReport, tmp_path: Path) -> None:
    files = write_report(rising, tmp_path / "out")
    assert sorted(path.name for path in files) == [
        "days.csv",
        "hours.csv",
        "trend.json",
        "trend.png",
        "values.csv",
    ]
    rows = list(csv.DictReader((tmp_path / "out" / "hours.csv").read_text().splitlines()))
    assert len(rows) == 100
    assert rows[0]["time"] == "2026-04-01T12:00:00.000Z"
    with Image.open(tmp_path / "out" / "trend.png") as picture:
        assert picture.width > 600


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 30])
def test_little_and_constant_data(values: list[float]) -> None:
    report = trend_report(index(values))
    assert report.to_dict()["time_to_alarm"] is None
    assert report.is_failing_soon is False
    with Image.open(io.BytesIO(draw_trend(report))) as picture:
        assert picture.format == "PNG"
