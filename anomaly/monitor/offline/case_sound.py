"""Sound of a case as calibration input: its stored scores, or its clips where those are gone or another model's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anomaly.detect.calibration.versions import Source
from anomaly.detect.verdict import judge
from anomaly.errors import AnomalyError
from anomaly.monitor.clips.files import StoredClip, read_clip
from anomaly.monitor.offline.calibrated_detector import CalibratedDetector
from anomaly.monitor.offline.calibration_filter import CalibrationInput, rows_of_model
from anomaly.monitor.offline.calibration_input import uninterrupted
from anomaly.monitor.offline.case_span import CaseSpan, case_span
from anomaly.monitor.offline.clip_score import score_clip
from anomaly.monitor.offline.operating_filter import operating_filter
from anomaly.monitor.offline.replay_clip_seconds import clip_rows
from anomaly.store.cases.case import Case
from anomaly.store.database.rows import ScoreRow
from anomaly.store.state_kinds import StateKind, model_label
from anomaly.store.store import Store

# The limit has no effect here: the seconds that count do not depend on it.
_JUDGED_PER_DAY = 1.0


@dataclass(frozen=True)
class CaseSound:
    """Sound of a case, as far as it is still there.

    Args:
        input: its seconds; None where none can be used.
        by: source of the seconds, ``history`` or ``clip``; None without any.
        missing: the reason why there are none; None where there are.
    """

    input: CalibrationInput | None
    by: str | None
    missing: str | None = None


def case_sound(
    store: Store, detector: CalibratedDetector, case: Case, now_s: float, clips: Path
) -> CaseSound:
    """Return the seconds of a case that this model scored and the decision counted, its lead included.

    Clips of another model are scored by this one, if they hold what it needs.

    Args:
        store: of the monitor.
        detector: of the machine.
        case: of the machine.
        now_s: UNIX seconds.
        clips: folder of all clips.
    """
    span = case_span(case, now_s)
    rows = store.history.scores(case.machine, span.begin_s, span.end_s)
    scored = [row for row in rows if row.score is not None]
    of_model = rows_of_model(scored, store.time_series.states(case.machine, StateKind.MODEL), detector.model)
    if recordings := uninterrupted(operating_filter(store, case.machine, of_model)):
        found = CalibrationInput(_source(case, span, recordings), other_model_s=len(scored) - len(of_model))
        return CaseSound(found, "history")
    recordings, clip_fault = _from_clips(store, detector, case, span, clips)
    if recordings:
        return CaseSound(CalibrationInput(_source(case, span, recordings)), "clip")
    return CaseSound(None, None, f"{_missing(scored, of_model, detector.model)}, and {clip_fault}")


def _source(case: Case, span: CaseSpan, recordings: tuple[tuple[float, ...], ...]) -> Source:
    return Source("feedback", case.id, span.begin_s, span.end_s, recordings)


def _missing(scored: Sequence[ScoreRow], of_model: Sequence[ScoreRow], model: str) -> str:
    """Return the reason why stored scores give no second."""
    if of_model:
        return "the machine was stopped or changed its speed during all of this case"
    if scored:
        return f"this case was scored by another model than {model}"
    return "the scores of this case are gone"


def _from_clips(
    store: Store, detector: CalibratedDetector, case: Case, span: CaseSpan, folder: Path
) -> tuple[tuple[tuple[float, ...], ...], str]:
    """Return the scores in the clips of a case, and the reason where there are none."""
    found: dict[int, ScoreRow] = {}
    fault = "no clip of it is kept"
    for kept in store.clips.select(case_id=case.id):
        try:
            rows = _counted(store, detector, read_clip(folder / kept.folder))
        except AnomalyError as error:
            fault = f"its clip {error.message}"
            continue
        fault = "its clip holds no second that counts"
        # Clips of one case may overlap; a second counts once.
        found |= {round(row.time_s): row for row in rows if span.contains(row.time_s)}
    return uninterrupted([found[second] for second in sorted(found)]), fault


def _counted(store: Store, detector: CalibratedDetector, clip: StoredClip) -> list[ScoreRow]:
    """Return the seconds of a clip that the decision counted: the live results, or scored again for another model.

    Raises:
        AnomalyError: the clip does not hold what this takes.
    """
    facts = clip.facts
    if model_label(facts.detector, facts.model) == detector.model:
        scored = [row for row in clip_rows(facts) if row.score is not None]
        return operating_filter(store, facts.machine, scored)
    scores = score_clip(clip, detector.own)
    states = judge(scores, detector.own.calibration.limit(_JUDGED_PER_DAY)).states
    return [
        ScoreRow(facts.machine, facts.begin_s + one.second + 1, one.second, one.score, one.p_value, state)
        for one, state in zip(scores, states, strict=True)
        if state is not None
    ]
