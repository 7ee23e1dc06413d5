"""Feedback on a case, normal or fault: an event of the case, and the calibration that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import filterfalse
from pathlib import Path
from typing import Any, Literal

from anomaly.detect.calibration.versions import CalibrationVersion, Source
from anomaly.errors import ModelError
from anomaly.monitor.offline.calibrated_detector import CalibratedDetector
from anomaly.monitor.offline.calibration_input import without_case
from anomaly.monitor.offline.case_sound import CaseSound, case_sound
from anomaly.store.cases.case import FEEDBACK, SHORT_ID, Case
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
        seconds: of the case's sound that the calibration holds now, or has lost.
        limit_before: limit of the decision for one false alarm a day.
        limit: the same now.
        other_seconds: of the case's sound left out, because another model scored them.
        closed: the case was open, and is closed by it: it was no fault.
        learned_from: source of the seconds that the calibration gained, ``history`` or ``clip``; None without any.
        not_learned: the reason why the calibration gained nothing from a case that was normal; None where it did.
    """

    case: str
    verdict: Literal["normal", "fault"]
    calibration: int | None
    seconds: int
    limit_before: float
    limit: float
    other_seconds: int = 0
    closed: bool = False
    learned_from: str | None = None
    not_learned: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return asdict(self)


def record_feedback(
    store: Store,
    detector: CalibratedDetector,
    case: Case,
    clips: Path,
    *,
    normal: bool,
    by: str,
    note: str,
    now_s: float,
) -> FeedbackResult:
    """Store feedback on a case, and recalibrate where that follows; later feedback replaces earlier.

    A case that was normal is settled: it is closed, also where no sound of it is left to calibrate on.

    Args:
        store: of the monitor.
        detector: of the machine.
        case: of the machine.
        clips: folder of all clips.
        normal: the case was no fault.
        by: name of the operator.
        note: kept with the event and the calibration.
        now_s: UNIX seconds.

    Raises:
        ModelError: the bundle is too old to remove the sound of a fault from its calibration.
        ConfigError: nothing can be written.
    """
    limit = detector.scorer.calibration.limit(_BUDGET_PER_DAY).value
    before = detector.sources
    sound = case_sound(store, detector, case, now_s, clips) if normal else CaseSound(None, None)
    sources = _sources(before, case, sound, now_s)
    version, refused = None, None
    if sources != before:
        version, refused = _recalibrate(detector, sources, case, normal, by, note)
    # Earlier feedback may have added the sound, which is gone now.
    missing = refused or (None if any(map(_is_of(case), before)) else sound.missing)
    verdict: Literal["normal", "fault"] = "normal" if normal else "fault"
    closed = _settle(store, case, verdict, version, by, note)
    return FeedbackResult(
        case.id,
        verdict,
        None if version is None else version.number,
        0
        if version is None
        else _seconds_of(case, sources)
        if normal
        else _seconds(before) - _seconds(sources),
        limit,
        limit if version is None else _limit_of(detector, version),
        0 if sound.input is None else sound.input.other_model_s,
        closed,
        sound.by if missing is None else None,
        missing,
    )


def _recalibrate(
    detector: CalibratedDetector, sources: tuple[Source, ...], case: Case, normal: bool, by: str, note: str
) -> tuple[CalibrationVersion | None, str | None]:
    """Calibrate on the sources, and return the version, or the reason why the sound of a normal case is not learned.

    Raises:
        ModelError: the bundle is too old to remove the sound of a fault from its calibration.
        ConfigError: nothing can be written.
    """
    reason = f"case {case.id[:SHORT_ID]} was {'normal' if normal else 'a fault'}" + (note and f": {note}")
    try:
        return detector.add(sources, by=by, reason=reason, alone=detector.alone), None
    except ModelError as error:
        if not normal:
            raise
        return None, error.message


def _sources(before: tuple[Source, ...], case: Case, sound: CaseSound, now_s: float) -> tuple[Source, ...]:
    """Return the sources after feedback: those before it where the sound of a normal case is gone."""
    if sound.missing is not None:
        return before
    kept = list(filterfalse(_is_of(case), before))
    return without_case(kept, case, now_s) if sound.input is None else (*kept, sound.input.source)


def _is_of(case: Case) -> Callable[[Source], bool]:
    """Return the predicate "this source is feedback on the case"."""
    return lambda source: source.kind == "feedback" and source.what == case.id


def _settle(
    store: Store, case: Case, verdict: str, version: CalibrationVersion | None, by: str, note: str
) -> bool:
    """Store the verdict, and close a case that was normal; return whether it was open."""
    number = None if version is None else version.number
    detail = {"verdict": verdict, "by": by, "note": note, "calibration": number}
    store.history.add_event(FEEDBACK, machine=case.machine, case_id=case.id, detail=detail)
    if verdict != "normal" or not case.is_open:
        return False
    # After the event: the monitor sees that the case was settled, and opens no new one for the same alarm.
    store.cases.close(case.id, by=by, note=note or "reported as normal")
    return True


def _limit_of(detector: CalibratedDetector, version: CalibrationVersion) -> float:
    return version.calibration(detector.own.calibration).limit(_BUDGET_PER_DAY).value


def _seconds_of(case: Case, sources: Sequence[Source]) -> int:
    return _seconds(list(filter(_is_of(case), sources)))


def _seconds(sources: Sequence[Source]) -> int:
    return sum(source.seconds for source in sources)
