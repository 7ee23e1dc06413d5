"""Feedback that the sound of a sensor case was a normal stop of the machine, which training did not hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from anomaly.detect.operating.confirmed_stops import ConfirmedStop, add_confirmed_stop
from anomaly.store.cases.case import FEEDBACK, SHORT_ID, Case, iso_utc
from anomaly.store.store import Store

UNLEARNED_STOP = "unlearned-stop"


@dataclass(frozen=True)
class StopFeedbackResult:
    """Result of the feedback.

    Args:
        case: its identifier.
        verdict: ``normal``.
        confirmed_stop: the levels of the case are those of a stop from now on; false if the case does not hold them.
        closed: the case was open, and is closed by it.
    """

    case: str
    verdict: Literal["normal"]
    confirmed_stop: bool
    closed: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return asdict(self)

    def text(self) -> list[str]:
        """Return the lines for people."""
        head, closed = f"case {self.case[:SHORT_ID]} is recorded as", ["The case is closed."] * self.closed
        if self.confirmed_stop:
            first = f"{head} a stop of the machine: such sound is no fault again."
            return [first, *closed, "A running monitor takes it up within seconds."]
        return [
            f"{head} normal.",
            *closed,
            "It holds no levels of the stop, so that none were learned: the next stop opens a case that holds them.",
        ]


def is_unlearned_stop(case: Case) -> bool:
    """Return whether a case was opened for a stop that training did not hold."""
    return case.kind == "sensor" and case.evidence.get("status") == UNLEARNED_STOP


def confirm_stop(
    store: Store, state_dir: Path, case: Case, *, by: str, note: str, now_s: float
) -> StopFeedbackResult:
    """Confirm the stop of a sensor case, and close the case, also if it does not hold the levels of the stop.

    Args:
        store: of the monitor.
        state_dir: folder of the confirmed stops.
        case: opened for a stop that training did not hold.
        by: name of the operator.
        note: kept with the event.
        now_s: UNIX seconds.

    Raises:
        ModelError: the file of the confirmed stops is damaged.
        ConfigError: nothing can be written.
    """
    levels = case.evidence.get("stop_levels_db")
    learned = False
    if isinstance(levels, list | tuple) and levels:
        learned = True
        stop = ConfirmedStop(tuple(float(level) for level in levels), by, iso_utc(now_s), case.id)
        add_confirmed_stop(state_dir, case.machine, stop)
    detail = {"verdict": "normal", "by": by, "note": note, "calibration": None}
    store.history.add_event(FEEDBACK, machine=case.machine, case_id=case.id, detail=detail)
    if case.is_open:
        store.cases.close(case.id, by=by, note=note or "reported as a stop of the machine")
    return StopFeedbackResult(case.id, "normal", learned, case.is_open)
