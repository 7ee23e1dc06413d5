"""Trend of a machine beside its monitoring: found anew each hour from the stored scores, on the background worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from anomaly.detect.calibration.calibration import Calibration
from anomaly.monitor.events import EventName
from anomaly.prognosis.index.alarm_score import alarm_score
from anomaly.prognosis.index.series import DAY_S
from anomaly.prognosis.index.stored_scores import ALARM_SCORE_SOURCE, stored_index
from anomaly.prognosis.report import trend_report
from anomaly.store.reader import StoreReader

EXAMINE_EVERY_S, FIRST_AFTER_S = 3_600.0, 120.0
# Time that a trend looks back.
_LOOK_BACK_S = 120 * DAY_S


class TrendWatch:
    """Newest trend of one machine.

    Args:
        machine: its name.
        database: of the monitor.
        clock: UNIX seconds.
        emit: gets an event when a rise with an interval begins, and when it ends.
        calibration: of the scores, for the alarm level; None where there is none.
    """

    def __init__(
        self,
        machine: str,
        database: Path,
        clock: Callable[[], float],
        emit: Callable[[EventName, str, Mapping[str, Any]], None],
        calibration: Calibration | None = None,
    ) -> None:
        self._machine, self._database, self._clock, self._emit = machine, database, clock, emit
        self._newest: Mapping[str, Any] | None = None
        self._rising = False
        self.calibrate(calibration)

    def calibrate(self, calibration: Calibration | None) -> None:
        """Take the alarm level from another calibration from now on."""
        self._level = None if calibration is None else alarm_score(calibration.p_value)

    def newest(self) -> Mapping[str, Any] | None:
        """Return the facts of the newest trend, as a case keeps them; None before the first. For any thread."""
        return self._newest

    def examine(self) -> None:
        """Find the trend; for the background worker.

        Raises:
            ConfigError: the database cannot be read.
        """
        if not self._database.is_file():
            return  # the store is in memory while the disk takes nothing
        since_s = self._clock() - _LOOK_BACK_S
        series = stored_index(StoreReader(self._database), self._machine, since_s)
        if self._level is not None:
            series = series.with_level(self._level, ALARM_SCORE_SOURCE)
        report = trend_report(series)
        self._newest = report.evidence()
        rising = report.trend.interval is not None
        if rising != self._rising:
            self._rising = rising
            event = EventName.TREND_RISING if rising else EventName.TREND_OVER
            self._emit(event, report.sentence, self._newest)
