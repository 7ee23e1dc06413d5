"""The machine case: opened by an alarm, kept up to date while it lasts, returned when the sound is normal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.decision import State
from anomaly.detect.decision_stage import DecidedSecond
from anomaly.detect.scoring import SecondScore
from anomaly.diagnose.context import DiagnosisContext
from anomaly.diagnose.diagnose import diagnose
from anomaly.errors import ConfigError
from anomaly.features.level_reference import LevelReference
from anomaly.monitor.events import EventName
from anomaly.monitor.journal import Journal
from anomaly.monitor.stages.calm_period import CalmPeriod
from anomaly.monitor.stages.settled_case import SETTLE_S, normal_since_s
from anomaly.monitor.stages.severity import SeverityGauge
from anomaly.store.cases.case import SEVERITIES, Case, CaseState, iso_utc
from anomaly.store.outbox.message import AlertMessage, MessageEvent
from anomaly.store.store import Store

# How often the measurements of an open case are written.
_WRITE_EVERY_S = 10


class MachineCase:
    """Keeps at most one active case about the machine.

    The text, the evidence and the score of a case are those of its worst second; its severity is the highest step that
    it has reached.

    Args:
        store: where the case lies; one left active by an earlier run is taken up.
        journal: publishes and stores the events.
        calibration: of the scores, for the severity; None where there is none.
        level: levels of normal sound, for the change in decibels; None where the bundle has none.
        trend: newest trend of the machine, as a case keeps it; None where there is none.
    """

    def __init__(
        self,
        store: Store,
        journal: Journal,
        calibration: Calibration | None = None,
        level: LevelReference | None = None,
        trend: Callable[[], Mapping[str, Any] | None] = lambda: None,
    ) -> None:
        self._store, self._journal = store, journal
        open_now = store.cases.select(open_only=True, machine=journal.machine)
        active = (c for c in open_now if c.kind == "machine" and c.state != CaseState.RETURNED_UNACKNOWLEDGED)
        self._case: Case | None = next(active, None)
        self._worst: SecondScore | None = None
        self._calm = CalmPeriod()
        self._gauge = SeverityGauge(calibration)
        self._level, self._trend = level, trend
        self._age_s = self._settling_s = 0

    @property
    def acknowledged(self) -> bool:
        """Return whether a latched alarm may end: there is no case, or it is acknowledged."""
        return self._case is None or self._case.state == CaseState.ACTIVE_ACKNOWLEDGED

    def require_calm_period(self) -> None:
        """Require a minute of normal sound before the case returns to normal: a first OK after a reset says little."""
        self._calm.reset()

    def calibrate(self, calibration: Calibration | None, level: LevelReference | None = None) -> None:
        """Measure severity and change by another model from now on."""
        self._gauge.calibrate(calibration)
        self._level = level

    def second(self, decided: DecidedSecond) -> None:
        """Take one second with the state after it."""
        self._calm.second(decided.state is State.OK)
        self._age_s += 1
        self._follow_operators()
        if decided.state is not State.ALARM:
            self._settling_s = 0
            self._gauge.reset()
            if self._case is not None and self._calm.is_over:
                self._return(self._case, decided)
            return
        if self._worst is None or decided.score.score > self._worst.score:
            self._worst = decided.score
        severity = self._gauge.second(decided.score.score)
        if self._settling_s:
            self._settling_s -= 1
        elif self._case is None:
            self._open(decided)
        elif severity > self._case.severity or self._age_s % _WRITE_EVERY_S == 0:
            self._write(self._case, self._worst, severity, decided)

    def _open(self, decided: DecidedSecond) -> None:
        opened_at = iso_utc(decided.time_s)
        blank = Case(self._journal.machine, "machine", opened_at, "", sound_position_s=decided.number + 1.0)
        message = self._message("case.opened", decided)
        with self._journal.tolerate_store_errors():
            case = self._store.cases.open(self._measured(blank, decided.score), message)
            if case is not None:
                self._case, self._age_s, self._worst = case, 0, decided.score
                self._calm.alarm(decided.time_s)
                event = EventName.CASE_OPENED if case.id == blank.id else EventName.CASE_AGAIN
                detail = {"case": case.id, "kind": "machine"}
                self._journal.emit(event, case.summary, time_s=decided.time_s, **detail)

    def _follow_operators(self) -> None:
        """Take over what people did to the case since the last second."""
        if self._case is None:
            return
        try:
            stored = self._store.cases.get(self._case.id)
            if stored is None:
                return  # lost with a damaged database: the next write stores it anew
            settled = not stored.is_open and normal_since_s(self._store, stored) is not None
        except ConfigError:
            return  # writing reports it
        self._case = stored if stored.is_open else None
        if self._case is None:
            # Somebody closed it; while the machine still sounds wrong, this second opens a new one.
            self._worst, self._settling_s = None, SETTLE_S if settled else 0

    def _write(self, case: Case, worst: SecondScore, severity: int, decided: DecidedSecond) -> None:
        measured = replace(self._measured(case, worst), severity=max(case.severity, severity))
        with self._journal.tolerate_store_errors():
            stored = self._store.cases.update(measured, self._message("case.escalated", decided))
            if stored.severity > case.severity:
                message = f"{SEVERITIES[case.severity - 1]} to {SEVERITIES[stored.severity - 1]}"
                detail = {"case": case.id, "severity": stored.severity}
                self._journal.emit(EventName.CASE_ESCALATED, message, time_s=decided.time_s, **detail)
                self._case = stored

    def _return(self, case: Case, decided: DecidedSecond) -> None:
        with self._journal.tolerate_store_errors():
            if self._worst is not None:
                self._store.cases.update(self._measured(case, self._worst))
            self._store.cases.mark_returned(case.id, self._message("case.returned", decided))
            self._calm.returned(decided.time_s)
            message = "the sound is normal again"
            self._journal.emit(EventName.CASE_RETURNED, message, time_s=decided.time_s, case=case.id)
            self._case = self._worst = None

    def _message(self, event: MessageEvent, decided: DecidedSecond) -> AlertMessage:
        return AlertMessage(
            event=event,
            machine=self._journal.machine,
            time=iso_utc(decided.time_s),
            score=decided.score.score,
            p_value=decided.score.p_value,
            state=decided.state.value,
            groups=tuple(round(float(g), 3) for g in decided.score.groups),
        )

    def _measured(self, case: Case, score: SecondScore) -> Case:
        """Return a case with the score and the diagnosis of a second."""
        known = None if self._level is None or score.levels is None else self._level.changes(score.levels)
        found = diagnose(
            DiagnosisContext(
                case.machine,
                score.groups,
                changes_db=None if known is None else known / 100,
                operating=score.operating.operating,
            )
        )
        trend = self._trend()
        return replace(
            case,
            summary=found.summary,
            evidence=found.evidence if trend is None else {**found.evidence, "trend": dict(trend)},
            peak_score=score.score,
            min_p_value=score.p_value,
        )
