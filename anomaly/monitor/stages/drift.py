"""Monitoring of slow drift across restarts. It opens no case."""

from __future__ import annotations

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.drift import DriftDetector
from anomaly.detect.operating.states import OperatingState
from anomaly.detect.scoring import SecondScore
from anomaly.monitor.events import EventName
from anomaly.monitor.journal import Journal
from anomaly.store.cases.case import iso_utc
from anomaly.store.cases.operator_changes import REBASELINED
from anomaly.store.store import Store

# Hours that an earlier run stored count if they are no older than this.
_REMEMBERED_S = 3 * 86_400.0
_RAN = (OperatingState.RUNNING, OperatingState.UNKNOWN)


class DriftMonitor:
    """Compares the median score of each hour with the calibration.

    The comparison restarts when a person re-baselines the machine, such as after a repair.

    Args:
        store: where the median of each hour is kept.
        journal: publishes and stores drift.
        calibration: None where there is nothing to compare with.
    """

    def __init__(self, store: Store, journal: Journal, calibration: Calibration | None) -> None:
        self._store, self._journal = store, journal
        self._calibration = calibration
        self._drift = None if calibration is None else DriftDetector(calibration)
        self._restored = False
        self._baseline = iso_utc(0.0)

    def calibrate(self, calibration: Calibration | None) -> None:
        """Compare the hours to come with another calibration; hours stored before are scores of another model."""
        self._calibration = calibration
        self._drift = None if calibration is None else DriftDetector(calibration)
        self._restored = True

    def second(self, score: SecondScore) -> None:
        """Take a second that can be trusted."""
        if self._drift is None or score.operating.operating not in _RAN:
            return
        if not self._restored:
            self._restore(self._drift)
        median = self._drift.second(score.score)
        if median is None:
            return
        machine, time_s = self._journal.machine, self._journal.time_s
        with self._journal.tolerate_store_errors():
            self._store.history.add_event(
                EventName.SCORE_HOUR, machine=machine, detail={"median": median}, time_s=time_s
            )
        if self._is_rebaselined() and self._calibration is not None:
            # This hour holds sound from before the repair.
            self._drift = DriftDetector(self._calibration)
            return
        change = self._drift.hour(median)
        if change is not None and change.begun:
            message = f"ordinary hours score {change.shift:.1f} deviations higher than in the calibration"
            self._journal.store(EventName.DRIFT, message, shift=round(change.shift, 3), hours=change.hours)
        elif change is not None:
            self._journal.store(EventName.DRIFT_OVER, "ordinary hours score as in the calibration again")

    def _restore(self, drift: DriftDetector) -> None:
        """Take the hours of an earlier run; drift that they amounted to was reported then."""
        self._restored = True
        since = iso_utc(self._journal.time_s - _REMEMBERED_S)
        self._is_rebaselined()
        since = max(since, self._baseline)
        with self._journal.tolerate_store_errors():
            hours = self._store.history.events(
                machine=self._journal.machine, name=EventName.SCORE_HOUR, since=since
            )
            for event in hours:
                drift.hour(float(event.detail["median"]))

    def _is_rebaselined(self) -> bool:
        """Return whether somebody has re-baselined the machine since the last call."""
        before = self._baseline
        with self._journal.tolerate_store_errors():
            events = self._store.history.events(
                machine=self._journal.machine, name=REBASELINED, since=self._baseline
            )
            self._baseline = max([before, *(event.time for event in events)])
        return self._baseline > before
