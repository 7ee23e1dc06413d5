"""Tells of slow drift, and remembers the hours it rests on across restarts. It opens no case."""

from __future__ import annotations

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.drift import Drift
from anomaly.detect.operating.states import OperatingState
from anomaly.detect.scoring import SecondScore
from anomaly.monitor.journal import Journal
from anomaly.store.case import iso_utc
from anomaly.store.store import Store

_HOUR = "score.hour"
# Hours that an earlier run stored count if they are no older than this.
_REMEMBERED_S = 3 * 86_400.0
_RAN = (OperatingState.RUNNING, OperatingState.UNKNOWN)


class DriftMonitor:
    """Follows the hours of one machine.

    Args:
        store: where the median of each hour is kept.
        journal: is told of drift.
    """

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store, self._journal = store, journal
        self._drift: Drift | None = None
        self._remembers = True

    def follow(self, calibration: Calibration | None, *, anew: bool = False) -> None:
        """Hold the hours to come against a calibration.

        Args:
            calibration: None where there is nothing to hold them against.
            anew: the scores are those of another model: what was stored before says nothing.
        """
        self._drift = None if calibration is None else Drift(calibration)
        self._remembers = not anew

    def second(self, score: SecondScore) -> None:
        """Take a second that can be trusted."""
        if self._drift is None or score.operating.operating not in _RAN:
            return
        if self._remembers:
            self._remember(self._drift)
        median = self._drift.second(score.score)
        if median is None:
            return
        machine, time_s = self._journal.machine, self._journal.time_s
        with self._journal.patiently():
            self._store.history.add_event(_HOUR, machine=machine, detail={"median": median}, time_s=time_s)
        news = self._drift.hour(median)
        if news is not None and news.begun:
            words = f"ordinary hours score {news.shift:.1f} deviations higher than in the calibration"
            self._journal.keep("drift", words, shift=round(news.shift, 3), hours=news.hours)
        elif news is not None:
            self._journal.keep("drift.over", "ordinary hours score as in the calibration again")

    def _remember(self, drift: Drift) -> None:
        """Take the hours of an earlier run; what they amounted to was told then."""
        self._remembers = False
        since = iso_utc(self._journal.time_s - _REMEMBERED_S)
        with self._journal.patiently():
            for event in self._store.history.events(machine=self._journal.machine, name=_HOUR, since=since):
                drift.hour(float(event.detail["median"]))
