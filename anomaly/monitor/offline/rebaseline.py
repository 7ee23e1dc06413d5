"""Re-baselining: a machine that sounds different since a repair is calibrated anew once it has run long enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from anomaly.config import Site
from anomaly.monitor.events import EventName
from anomaly.monitor.offline.calibrated_detector import load_calibrated_detector
from anomaly.monitor.offline.calibration_guard import cases_without_feedback
from anomaly.monitor.offline.calibration_input import from_history
from anomaly.monitor.plan import MonitorPlan
from anomaly.readable import duration
from anomaly.store.cases.case import SHORT_ID, iso_utc, unix_s
from anomaly.store.cases.operator_changes import REBASELINED
from anomaly.store.database.rows import EventRow
from anomaly.store.store import Store

ATTEMPT_EVERY_S = 600.0
# Time of running-in after a repair, and the history that the database keeps by default.
WAIT_S = 86_400.0
# Fewer seconds than these four hours support no usual budget.
LEAST_S = 14_400
# An older request was forgotten: the machine has been judged as it was for a month.
_OLDEST_S = 30 * 86_400.0

Emit = Callable[[EventName, str, Mapping[str, Any] | None], None]


class Rebaseline:
    """Carries out the request that ``cases close --rebaseline`` has stored; it runs in the background.

    A day after the request the normal seconds of the last day become a calibration of their own, in place of the sound
    before the repair. Seconds of cases never count, and a case without feedback is waited for.

    Args:
        site: folders.
        plan: of the machine.
        store: of the monitor.
        emit: stores and publishes an event of the machine.
        clock: UNIX seconds.
    """

    def __init__(
        self, site: Site, plan: MonitorPlan, store: Store, emit: Emit, clock: Callable[[], float]
    ) -> None:
        self._site, self._plan, self._store, self._emit, self._clock = site, plan, store, emit, clock
        self._reported = ""

    def attempt(self) -> None:
        """Calibrate if somebody has asked for it and there is enough sound since.

        Raises:
            AnomalyError: the database cannot be read, or the calibration cannot be written; it is tried again.
        """
        now_s, request = self._clock(), self._request()
        if request is None or not WAIT_S <= now_s - unix_s(request.time) <= _OLDEST_S:
            return
        begin_s = max(unix_s(request.time), now_s - WAIT_S)
        machine, plan = self._plan.machine, self._plan
        if len(self._store.history.scores(machine, begin_s, now_s)) < LEAST_S:
            return
        cases = cases_without_feedback(self._store, machine, begin_s, now_s)
        if cases:
            listed = ", ".join(case.id[:SHORT_ID] for case in cases)
            self._report(
                request,
                f"the machine is not calibrated anew before there is feedback on the cases since: {listed}",
            )
            return
        detector = load_calibrated_detector(
            self._site.models_dir / plan.bundle, self._site.state_dir, machine, plan.detector
        )
        new = from_history(self._store, detector, begin_s, now_s)
        if new.source.seconds < LEAST_S:
            return
        by = str(request.detail.get("by") or "monitor")
        reason = f"re-baselined at {request.time}" + (
            f", case {request.case_id[:SHORT_ID]}" if request.case_id else ""
        )
        version = detector.add([new.source], by=by, reason=reason, alone=True)
        message = (
            f"calibrated on {duration(new.source.seconds)} of normal running since the repair"
            f" (calibration {version.number}; `anomaly calibrate --revert` undoes it)"
        )
        self._emit(
            EventName.MACHINE_RECALIBRATED, message, {"calibration": version.number, "request": request.time}
        )

    def _request(self) -> EventRow | None:
        """Return the newest request that was not carried out."""
        history, machine = self._store.history, self._plan.machine
        since = iso_utc(max(0.0, self._clock() - _OLDEST_S))
        asked = history.events(machine=machine, name=REBASELINED, since=since)
        if not asked:
            return None
        done = history.events(machine=machine, name=EventName.MACHINE_RECALIBRATED, since=asked[-1].time)
        return None if done else asked[-1]

    def _report(self, request: EventRow, message: str) -> None:
        """Report once for each request and reason."""
        if self._reported != request.time + message:
            self._reported = request.time + message
            self._emit(EventName.REBASELINE_WAITS, message, {"request": request.time})
