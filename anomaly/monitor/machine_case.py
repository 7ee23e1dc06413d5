"""The machine's case: opened by an alarm, kept up to date while it lasts, returned when the sound is normal."""

from __future__ import annotations

from dataclasses import replace

from anomaly.detect.decision import State
from anomaly.detect.scoring import SecondScore
from anomaly.diagnose.context import DiagnosisContext
from anomaly.diagnose.diagnose import diagnose
from anomaly.monitor.journal import Journal
from anomaly.store.case import Case, CaseState, iso_utc
from anomaly.store.message import AlertMessage, MessageEvent
from anomaly.store.store import Store

# Where the decision began anew while the case was open, only a minute of normal sound returns it.
_CALM_S = 60
# How often the measurements of an open case are renewed.
_RENEW_S = 10


class MachineCase:
    """Keeps at most one active case about the machine.

    Args:
        store: where the case lies; one left active by an earlier run is taken up.
        journal: is told what happens.
    """

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store, self._journal = store, journal
        open_now = store.cases.select(open_only=True, machine=journal.machine)
        active = (c for c in open_now if c.kind == "machine" and c.state != CaseState.RETURNED_UNACKNOWLEDGED)
        self._case: Case | None = next(active, None)
        self._calm_s, self._needed_s = 0, _CALM_S
        self._age_s = 0

    @property
    def acknowledged(self) -> bool:
        """Whether nobody has to take note of an alarm: there is no case, or a person knows of it."""
        return self._case is None or self._case.state == CaseState.ACTIVE_ACKNOWLEDGED

    def doubt(self) -> None:
        """The decision begins anew: that it says OK does not yet mean that the machine is well."""
        self._calm_s, self._needed_s = 0, _CALM_S

    def second(self, state: State, score: SecondScore, position: int) -> None:
        """Take one second that can be trusted.

        Args:
            state: of the decision, after it.
            score: of the second.
            position: seconds into the sound at its end.
        """
        self._calm_s = self._calm_s + 1 if state is State.OK else 0
        self._age_s += 1
        if state is State.ALARM and self._case is None:
            self._open(score, position)
        elif state is State.ALARM and self._case is not None and self._age_s % _RENEW_S == 0:
            self._renew(self._case, score)
        elif self._case is not None and self._calm_s >= max(1, self._needed_s):
            self._return(self._case, score)

    def _open(self, score: SecondScore, position: int) -> None:
        opened_at = iso_utc(self._journal.time_s)
        blank = Case(self._journal.machine, "machine", opened_at, "", sound_position_s=float(position))
        message = self._message("case.opened", State.ALARM, score)
        with self._journal.patiently():
            case = self._store.cases.open(_measured(blank, score), message)
            if case is not None:
                self._case, self._needed_s, self._age_s = case, 0, 0
                event = "case.opened" if case.id == blank.id else "case.again"
                self._journal.say(event, case.summary, case=case.id, kind="machine")

    def _renew(self, case: Case, score: SecondScore) -> None:
        with self._journal.patiently():
            now = self._store.cases.update(_measured(case, score))
            # Somebody closed it while the machine still sounds wrong: the next second opens a new one.
            self._case = now if now.is_open else None

    def _return(self, case: Case, score: SecondScore) -> None:
        with self._journal.patiently():
            self._store.cases.mark_returned(case.id, self._message("case.updated", State.OK, score))
            self._journal.say("case.returned", "the sound is normal again", case=case.id)
            self._case = None

    def _message(self, event: MessageEvent, state: State, score: SecondScore) -> AlertMessage:
        return AlertMessage(
            event=event,
            machine=self._journal.machine,
            time=iso_utc(self._journal.time_s),
            score=score.score,
            p_value=score.p_value,
            state=state.value,
            groups=tuple(round(float(g), 3) for g in score.groups),
        )


def _measured(case: Case, score: SecondScore) -> Case:
    found = diagnose(DiagnosisContext(case.machine, score.groups, operating=score.operating.operating))
    return replace(
        case,
        summary=found.summary,
        evidence=found.evidence,
        peak_score=score.score,
        min_p_value=score.p_value,
    )
