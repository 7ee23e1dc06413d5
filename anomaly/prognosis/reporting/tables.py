"""Index of a machine as CSV: by the measurement, the hour and the day."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from anomaly.atomic import new_files
from anomaly.prognosis.index.series import IndexSeries
from anomaly.prognosis.report import TrendReport
from anomaly.prognosis.reporting.picture import draw_trend
from anomaly.store.cases.case import iso_utc


def write_report(report: TrendReport, folder: Path) -> list[Path]:
    """Write ``trend.json``, ``trend.png``, ``hours.csv``, ``days.csv`` and ``values.csv``, the values of the trend.

    Raises:
        ConfigError: the folder cannot be written.
    """
    contents = {
        "trend.json": json.dumps(dict(report.to_dict()), indent=2).encode() + b"\n",
        "trend.png": draw_trend(report),
        "values.csv": _table(report.series),
        "hours.csv": _table(report.hours),
        "days.csv": _table(report.days),
    }
    with new_files(folder) as work:
        for name, data in contents.items():
            (work / name).write_bytes(data)
    return [folder / name for name in contents]


def _table(series: IndexSeries) -> bytes:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["time", "index"])
    for time_s, value in zip(series.times_s, series.values, strict=True):
        table.writerow([iso_utc(float(time_s)), f"{value:.4f}"])
    return text.getvalue().encode()
