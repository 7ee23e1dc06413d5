"""Trend of a machine for the pages: health index, change points, and the time to the alarm level."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anomaly.errors import AnomalyError
from anomaly.prognosis.index.stored_scores import stored_index
from anomaly.prognosis.report import trend_report
from anomaly.prognosis.sources import with_alarm_level
from anomaly.store.reader import StoreReader

_YEAR_S = 366 * 86_400.0
# A trend of hours does not change within minutes, and finding it takes seconds of a processor that scores sound, too.
_KEPT_S, _MOST = 900.0, 400


@dataclass
class TrendView:
    """Trends of machines, each kept for a quarter of an hour; one is found at a time."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    known: dict[tuple[Path, str], tuple[float, Mapping[str, Any]]] = field(default_factory=dict)

    def of(self, reader: StoreReader, machine: str) -> Mapping[str, Any]:
        """Return the report of `anomaly trend --json`; empty where the scores are too few."""
        key = (reader.path, machine)
        with self.lock:
            at_s, report = self.known.get(key, (float("-inf"), {}))
            if time.monotonic() - at_s > _KEPT_S:
                report = _report(reader, machine)
                if len(self.known) >= _MOST:
                    self.known.clear()
                self.known[key] = (time.monotonic(), report)
            return report


def _report(reader: StoreReader, machine: str) -> Mapping[str, Any]:
    try:
        series = stored_index(reader, machine, time.time() - _YEAR_S)
        return trend_report(with_alarm_level(series, None)).to_dict() if len(series) else {}
    except AnomalyError:
        return {}
