"""What a person says of a case, kept for good: an event, and a calibration that follows from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from anomaly.monitor.offline.recalibrate import FEEDBACK, CalibratedDetector, from_case, without
from anomaly.store.case import SHORT_ID, Case
from anomaly.store.store import Store


@dataclass(frozen=True)
class FeedbackResult:
    """What came of a word about a case.

    Args:
        case: its identifier.
        verdict: ``normal`` or ``fault``.
        calibration: the version that was made of it; None where nothing had to change.
        seconds: of the case's sound that the calibration gained or lost.
        limit_before: limit of the decision for one false alarm a day.
        limit: the same now.
        other_seconds: of the case's sound left out, because another model scored them.
    """

    case: str
    verdict: str
    calibration: int | None
    seconds: int
    limit_before: float
    limit: float
    other_seconds: int = 0

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)

    def in_words(self) -> str:
        """For a person."""
        words = f"case {self.case[:SHORT_ID]} was {'normal' if self.verdict == 'normal' else 'a fault'}"
        if self.calibration is None:
            return f"{words}; the calibration stays as it is"
        what = "holds" if self.verdict == "normal" else "no longer holds"
        left_out = f", {self.other_seconds} s of another bundle or detector left out" * bool(
            self.other_seconds
        )
        return (
            f"{words}; calibration {self.calibration} {what} {self.seconds} s of it and is in use "
            f"(limit for one false alarm a day {self.limit_before:.1f} -> {self.limit:.1f}){left_out}"
        )


def record_feedback(
    store: Store, service: CalibratedDetector, case: Case, *, normal: bool, by: str, note: str, now_s: float
) -> FeedbackResult:
    """Keep what a person says of a case, and calibrate anew where that follows.

    Said again, or said otherwise later, the last word counts.

    Raises:
        InputError: the scores of the case are gone, or another model's.
        ModelError: the bundle is too old to add to.
        ConfigError: nothing can be written.
    """
    before = service.scorer.calibration.limit(1.0).value
    kept = [s for s in service.sources if not (s.kind == "feedback" and s.what == case.id)]
    gathered = from_case(store, service, case, now_s) if normal else None
    sources = list(without(kept, case, now_s)) if gathered is None else [*kept, gathered.source]
    number, limit = None, before
    changed = sum(s.seconds for s in sources) - sum(s.seconds for s in service.sources)
    if tuple(sources) != service.sources:
        reason = f"case {case.id[:SHORT_ID]} was {'normal' if normal else 'a fault'}" + (note and f": {note}")
        made = service.add(sources, by=by, reason=reason, alone=service.alone)
        number, limit = made.number, made.calibration(service.own.calibration).limit(1.0).value
    verdict = "normal" if normal else "fault"
    detail = {"verdict": verdict, "by": by, "note": note, "calibration": number}
    store.history.add_event(FEEDBACK, machine=case.machine, case_id=case.id, detail=detail)
    other_s = 0 if gathered is None else gathered.other_s
    return FeedbackResult(case.id, verdict, number, abs(changed), before, limit, other_s)
