"""What would have been: another budget or calibration over stored scores, another model over stored clips.

Scores per second are kept for a day. Over those of the bundle and detector in use another budget, or another
calibration, decides anew, second by second; of older cases, upon the seconds that were kept with their clips
(``replay_old``). Another bundle needs sound: it hears the clips that were kept with cases, each from rest, and can say
which cases it would not have opened; which it would have opened where no clip was kept nobody knows, and the result
says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.decision import Decision, Limit, State
from anomaly.detect.scoring import Scorer
from anomaly.detect.verdict import judge
from anomaly.errors import AnomalyError
from anomaly.monitor.clips.files import StoredClip, read_clip
from anomaly.monitor.offline.calibration_filter import scored_when
from anomaly.monitor.offline.clip_score import score_clip
from anomaly.monitor.offline.operating_filter import operating_filter
from anomaly.monitor.offline.recalibrate import LEAD_S
from anomaly.monitor.offline.replay_clips import ClipHistory, replay_from_clip
from anomaly.monitor.offline.replay_result import NewAlarm, ReplayedCase, ReplayResult, ReplaySpan
from anomaly.store.case import Case, iso_utc, unix_s
from anomaly.store.rows import ScoreRow
from anomaly.store.state_kinds import StateKind
from anomaly.store.store import Store

# Alarms this close to a stored case are the same.
_NEAR_S = 60.0
# So many seconds in a row without a score are a deaf microphone: the decision begins anew.
_DEAF_S = 3


@dataclass(frozen=True)
class _Alarm:
    begin_s: float
    end_s: float
    peak_score: float
    min_p_value: float


def replay_history(
    store: Store,
    machine: str,
    scorer: Scorer,
    span: ReplaySpan,
    *,
    model: str,
    judge_anew: bool = False,
    clips: ClipHistory | None = None,
) -> ReplayResult:
    """Decide anew on stored scores of one model; seconds that another scored count as not heard.

    Args:
        store: of the monitor.
        machine: its name.
        scorer: its calibration sets the limit.
        span: when, and for which budget.
        model: bundle and detector that are asked, see `model_label`.
        judge_anew: whether the calibration also gives the probabilities, instead of those stored.
        clips: what says something of cases whose scores are gone; None where nothing does.
    """
    limit = scorer.calibration.limit(span.false_alarms_per_day)
    rows, others_s = _of_model(store, machine, span, model)
    p_of = _stored if not judge_anew else _from(scorer.calibration)

    def alarms_in(seconds: Sequence[ScoreRow]) -> list[_Alarm]:
        return list(_alarms(operating_filter(store, machine, seconds), Decision(limit, span.policy), p_of))

    alarms = alarms_in(rows)
    cases = _cases(store, machine, span)
    covered_s = rows[0].time_s if rows else span.end_s

    def judged(case: Case) -> ReplayedCase:
        if unix_s(case.opened_at) - LEAD_S < covered_s:
            return replay_from_clip(store, case, clips, lambda seconds: bool(alarms_in(seconds)))
        if any(_within(time_s, case, span.end_s) for time_s in others_s):
            return ReplayedCase(case.id, case.opened_at, "unknown", "another bundle or detector scored it")
        return _by_history(case, alarms, span.end_s)

    new = [a for a in alarms if not any(_meet(a, case, span.end_s) for case in cases)]
    took = sum(ours is not None for ours in map(p_of, operating_filter(store, machine, rows)))
    found = _result(machine, span, limit, took, tuple(map(judged, cases)), new)
    return replace(found, model=model, other_seconds=len(others_s))


def _of_model(store: Store, machine: str, span: ReplaySpan, model: str) -> tuple[list[ScoreRow], list[float]]:
    """Stored seconds, those of other models without their scores, and the times of these."""
    ours = scored_when(store.time_series.states(machine, StateKind.MODEL), model)
    stored = store.history.scores(machine, span.begin_s, span.end_s)
    others_s = [row.time_s for row in stored if row.score is not None and not ours(row.time_s)]
    silent = [row if ours(row.time_s) else replace(row, score=None, p_value=None) for row in stored]
    return silent, others_s


def replay_clips(
    store: Store, machine: str, scorer: Scorer, span: ReplaySpan, clips: Path, *, model: str
) -> ReplayResult:
    """Let another model hear the clips of stored cases.

    Args:
        store: of the monitor.
        machine: its name.
        scorer: of the other bundle.
        span: when, and for which budget.
        clips: folder of the clips.
        model: what to call it, see `model_label`.
    """
    limit = scorer.calibration.limit(span.false_alarms_per_day)

    def alarms(clip: StoredClip) -> bool:
        return judge(score_clip(clip, scorer), limit, policy=span.policy).state is State.ALARM

    judged = tuple(_by_clips(store, case, clips, alarms) for case in _cases(store, machine, span))
    return replace(_result(machine, span, limit, 0, judged, []), model=model)


def _result(
    machine: str,
    span: ReplaySpan,
    limit: Limit,
    seconds: int,
    judged: tuple[ReplayedCase, ...],
    new: Sequence[_Alarm],
) -> ReplayResult:
    appear = tuple(NewAlarm(iso_utc(a.begin_s), iso_utc(a.end_s), a.peak_score, a.min_p_value) for a in new)
    times = iso_utc(span.begin_s), iso_utc(span.end_s)
    return ReplayResult(machine, *times, span.false_alarms_per_day, limit.value, seconds, judged, appear)


def _cases(store: Store, machine: str, span: ReplaySpan) -> list[Case]:
    found = [case for case in store.cases.select(machine=machine) if case.kind == "machine"]
    return sorted(
        (case for case in found if span.begin_s <= unix_s(case.opened_at) <= span.end_s),
        key=lambda case: case.opened_at,
    )


def _alarms(
    rows: Sequence[ScoreRow], decision: Decision, p_of: Callable[[ScoreRow], float | None]
) -> Iterator[_Alarm]:
    now: _Alarm | None = None
    deaf_s = 0
    for row in rows:
        p_value = p_of(row)
        if p_value is None or row.score is None:
            deaf_s += 1
            if deaf_s == _DEAF_S:
                decision.reset()
            continue
        deaf_s = 0
        if decision.update(p_value) is State.ALARM:
            first = now or _Alarm(row.time_s, row.time_s, row.score, p_value)
            peak, least = max(first.peak_score, row.score), min(first.min_p_value, p_value)
            now = replace(first, end_s=row.time_s, peak_score=peak, min_p_value=least)
        elif now is not None:
            yield now
            now = None
    if now is not None:
        yield now


def _stored(row: ScoreRow) -> float | None:
    return row.p_value


def _from(calibration: Calibration) -> Callable[[ScoreRow], float | None]:
    return lambda row: None if row.score is None else calibration.p_value(row.score)


def _by_history(case: Case, alarms: Sequence[_Alarm], end_s: float) -> ReplayedCase:
    stays = any(_meet(alarm, case, end_s) for alarm in alarms)
    return ReplayedCase(case.id, case.opened_at, "stays" if stays else "vanishes", "history")


def _meet(alarm: _Alarm, case: Case, end_s: float) -> bool:
    return alarm.begin_s <= _until(case, end_s) + _NEAR_S and alarm.end_s >= unix_s(case.opened_at) - _NEAR_S


def _within(time_s: float, case: Case, end_s: float) -> bool:
    return unix_s(case.opened_at) - LEAD_S <= time_s <= _until(case, end_s)


def _until(case: Case, end_s: float) -> float:
    end = case.returned_at or case.closed_at
    return end_s if end is None else unix_s(end)


def _by_clips(store: Store, case: Case, folder: Path, alarms: Callable[[StoredClip], bool]) -> ReplayedCase:
    reasons = []
    for clip in store.clips.select(case_id=case.id):
        try:
            if alarms(read_clip(folder / clip.folder)):
                return ReplayedCase(case.id, case.opened_at, "stays", "clip")
            reasons.append("")
        except AnomalyError as error:
            reasons.append(error.message)
    if "" in reasons:
        return ReplayedCase(case.id, case.opened_at, "vanishes", "clip")
    return ReplayedCase(case.id, case.opened_at, "unknown", reasons[0] if reasons else "no clip was kept")
