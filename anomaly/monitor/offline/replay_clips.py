"""Replay of stored clips: another bundle scores the sound that was kept with cases, each clip from a reset.

It shows which stored cases the other bundle would have opened. Cases that it would have opened where no clip was kept
are not known.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from anomaly.detect.decision import State
from anomaly.detect.scoring import Scorer
from anomaly.detect.verdict import judge
from anomaly.errors import AnomalyError
from anomaly.monitor.clips.files import StoredClip, read_clip
from anomaly.monitor.offline.clip_score import score_clip
from anomaly.monitor.offline.replay_result import ReplayedCase, ReplayResult, ReplaySpan, cases_of_span
from anomaly.store.cases.case import Case, iso_utc
from anomaly.store.store import Store


def replay_clips(
    store: Store, machine: str, scorer: Scorer, span: ReplaySpan, folder: Path, *, model: str
) -> ReplayResult:
    """Score the clips of stored cases with another model.

    Args:
        store: of the monitor.
        machine: its name.
        scorer: of the other bundle.
        span: time span, budget and delays.
        folder: of the clips.
        model: label of the other model, see `model_label`.
    """
    limit = scorer.calibration.limit(span.false_alarms_per_day)

    def raises_alarm(clip: StoredClip) -> bool:
        return judge(score_clip(clip, scorer), limit, policy=span.policy).state is State.ALARM

    return ReplayResult(
        machine,
        iso_utc(span.begin_s),
        iso_utc(span.end_s),
        span.false_alarms_per_day,
        limit.value,
        history_seconds=0,
        cases=tuple(
            _from_clips(store, case, folder, raises_alarm) for case in cases_of_span(store, machine, span)
        ),
        appear=(),
        model=model,
    )


def _from_clips(
    store: Store, case: Case, folder: Path, raises_alarm: Callable[[StoredClip], bool]
) -> ReplayedCase:
    errors: list[str] = []
    scored = 0
    for clip in store.clips.select(case_id=case.id):
        try:
            if raises_alarm(read_clip(folder / clip.folder)):
                return ReplayedCase(case.id, case.opened_at, "stays", "clip")
            scored += 1
        except AnomalyError as error:
            errors.append(error.message)
    if scored:
        return ReplayedCase(case.id, case.opened_at, "vanishes", "clip")
    return ReplayedCase(case.id, case.opened_at, "unknown", errors[0] if errors else "no clip was kept")
