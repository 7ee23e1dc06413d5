"""Feedback on a case, normal or fault: an event of the case, and the calibration that follows from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from anomaly.monitor.offline.calibrated_detector import CalibratedDetector
from anomaly.monitor.offline.calibration_input import from_case, without_case
from anomaly.store.case import FEEDBACK, SHORT_ID, Case
from anomaly.store.store import Store

# The budget for which limits before and after are compared.
_BUDGET_PER_DAY = 1.0


@dataclass(frozen=True)
class FeedbackResult:
    """Result of feedback on a case.

    Args:
        case: its identifier.
        verdict: ``normal`` or ``fault``.
        calibration: the version made of it; None where nothing had to change.
        seconds: of the case's sound that the calibration gained or lost.
        limit_before: limit of the decision for one false alarm a day.
        limit: the same now.
        other_seconds: of the case's sound left out, because another model scored them.
        closed: the case was open, and is closed by it: it was no fault.
    """

    case: str
    verdict: Literal["normal", "fault"]
    calibration: int | None
    seconds: int
    limit_before: float
    limit: float
    other_seconds: int = 0
    closed: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)


def record_feedback(
    store: Store, detector: CalibratedDetector, case: Case, *, normal: bool, by: str, note: str, now_s: float
) -> FeedbackResult:
    """Store feedback on a case, and calibrate anew where that follows; later feedback replaces earlier.

    A case that was normal is settled: it is closed.

    Args:
        store: of the monitor.
        detector: of the machine.
        case: of the machine.
        normal: the case was no fault.
        by: name of the operator.
        note: kept with the event and the calibration.
        now_s: UNIX seconds.

    Raises:
        InputError: the scores of the case are gone, or another model's.
        ModelError: the bundle is too old to add to.
        ConfigError: nothing can be written.
    """
    limit_before = detector.scorer.calibration.limit(_BUDGET_PER_DAY).value
    sources_before = detector.sources
    kept = [s for s in sources_before if not (s.kind == "feedback" and s.what == case.id)]
    added = from_case(store, detector, case, now_s) if normal else None
    sources = without_case(kept, case, now_s) if added is None else (*kept, added.source)
    number, limit = None, limit_before
    if sources != sources_before:
        reason = f"case {case.id[:SHORT_ID]} was {'normal' if normal else 'a fault'}" + (note and f": {note}")
        version = detector.add(sources, by=by, reason=reason, alone=detector.alone)
        number = version.number
        limit = version.calibration(detector.own.calibration).limit(_BUDGET_PER_DAY).value
    change_s = sum(s.seconds for s in sources) - sum(s.seconds for s in sources_before)
    verdict: Literal["normal", "fault"] = "normal" if normal else "fault"
    detail = {"verdict": verdict, "by": by, "note": note, "calibration": number}
    store.history.add_event(FEEDBACK, machine=case.machine, case_id=case.id, detail=detail)
    closed = normal and case.is_open
    if closed:
        # After the event: the monitor sees that the case was settled, and opens no new one for the same alarm.
        store.cases.close(case.id, by=by, note=note or "reported as normal")
    other_s = 0 if added is None else added.other_model_s
    return FeedbackResult(case.id, verdict, number, abs(change_s), limit_before, limit, other_s, closed)
