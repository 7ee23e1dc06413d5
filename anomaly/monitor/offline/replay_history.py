"""Replay of stored scores: the decision over again, with another budget or another calibration.

Scores per second are kept for a day. The decision runs again over those of the bundle and detector in use; of older
cases, over the seconds that were kept with their clips (`replay_clip_seconds`). Another bundle needs sound
(`replay_clips`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.decision import Decision, State
from anomaly.detect.scoring import Scorer
from anomaly.monitor.offline.calibration_filter import model_predicate
from anomaly.monitor.offline.case_span import case_span
from anomaly.monitor.offline.operating_filter import operating_filter
from anomaly.monitor.offline.replay_clip_seconds import ClipHistory, replay_from_clip
from anomaly.monitor.offline.replay_result import (
    NewAlarm,
    Outcome,
    ReplayedCase,
    ReplayResult,
    ReplaySpan,
    cases_of_span,
)
from anomaly.store.cases.case import Case, iso_utc
from anomaly.store.database.rows import ScoreRow
from anomaly.store.state_kinds import StateKind
from anomaly.store.store import Store

# An alarm this close to a stored case belongs to it: delays and calibrations move its beginning by seconds.
_MATCH_WITHIN_S = 60.0
# As in the live pipeline, so many seconds in a row without a score are a sensor fault, which resets the decision.
_SENSOR_FAULT_S = 3

ProbabilityOf = Callable[[ScoreRow], float | None]


@dataclass(frozen=True)
class _Alarm:
    begin_s: float
    end_s: float
    peak_score: float
    min_p_value: float


@dataclass(frozen=True)
class _ModelHistory:
    """Stored seconds of a machine: ``rows`` with the scores of one model only, and the times of the others' scores."""

    rows: list[ScoreRow]
    other_times_s: list[float]


def replay_history(
    store: Store,
    machine: str,
    scorer: Scorer,
    span: ReplaySpan,
    *,
    model: str,
    clips: ClipHistory | None = None,
) -> ReplayResult:
    """Run the decision again over the stored scores of one model; seconds of other models count as missing.

    Args:
        store: of the monitor.
        machine: its name.
        scorer: its calibration gives both the probabilities of the stored scores and the limit. Stored probabilities
            may be those of an earlier calibration, to which the limit does not apply.
        span: time span, budget and delays.
        model: bundle and detector in question, see `model_label`.
        clips: clips that stand in for cases whose scores are gone; None without clips.
    """
    limit = scorer.calibration.limit(span.false_alarms_per_day)
    history = _history_of_model(store, machine, span, model)
    counted = operating_filter(store, machine, history.rows)
    p_value_of = _p_value_by(scorer.calibration)
    alarms = list(_alarms(counted, Decision(limit, span.policy), p_value_of))
    cases = cases_of_span(store, machine, span)

    def alarm_in(seconds: Sequence[ScoreRow]) -> bool:
        rows = operating_filter(store, machine, seconds)
        return any(True for _ in _alarms(rows, Decision(limit, span.policy), p_value_of))

    def outcome_of(case: Case) -> ReplayedCase:
        return _from_history(case, history, alarms, span) or replay_from_clip(store, case, clips, alarm_in)

    return ReplayResult(
        machine,
        iso_utc(span.begin_s),
        iso_utc(span.end_s),
        span.false_alarms_per_day,
        limit.value,
        history_seconds=sum(p_value_of(row) is not None for row in counted),
        cases=tuple(map(outcome_of, cases)),
        appear=tuple(_new_alarm(a) for a in alarms if not any(_matches(a, case, span) for case in cases)),
        model=model,
        other_seconds=len(history.other_times_s),
    )


def _history_of_model(store: Store, machine: str, span: ReplaySpan, model: str) -> _ModelHistory:
    scored_by_model = model_predicate(store.time_series.states(machine, StateKind.MODEL), model)
    stored = store.history.scores(machine, span.begin_s, span.end_s)
    others_s = [row.time_s for row in stored if row.score is not None and not scored_by_model(row.time_s)]
    rows = [row if scored_by_model(row.time_s) else replace(row, score=None, p_value=None) for row in stored]
    return _ModelHistory(rows, others_s)


def _from_history(
    case: Case, history: _ModelHistory, alarms: Sequence[_Alarm], span: ReplaySpan
) -> ReplayedCase | None:
    """Return the outcome of a case by stored scores; None where they do not cover its beginning."""
    times = case_span(case, span.end_s)
    if not history.rows or times.begin_s < history.rows[0].time_s:
        return None
    if any(times.contains(time_s) for time_s in history.other_times_s):
        return ReplayedCase(case.id, case.opened_at, "unknown", "another bundle or detector scored it")
    outcome: Outcome = "stays" if any(_matches(alarm, case, span) for alarm in alarms) else "vanishes"
    return ReplayedCase(case.id, case.opened_at, outcome, "history")


def _alarms(rows: Sequence[ScoreRow], decision: Decision, p_value_of: ProbabilityOf) -> Iterator[_Alarm]:
    """Yield the alarms of a decision over rows in the order of time."""
    current: _Alarm | None = None
    missing_s = 0
    for row in rows:
        p_value = p_value_of(row)
        if p_value is None or row.score is None:
            missing_s += 1
            if missing_s == _SENSOR_FAULT_S:
                decision.reset()
            continue
        missing_s = 0
        if decision.update(p_value) is State.ALARM:
            first = current or _Alarm(row.time_s, row.time_s, row.score, p_value)
            peak, least = max(first.peak_score, row.score), min(first.min_p_value, p_value)
            current = replace(first, end_s=row.time_s, peak_score=peak, min_p_value=least)
        elif current is not None:
            yield current
            current = None
    if current is not None:
        yield current


def _p_value_by(calibration: Calibration) -> ProbabilityOf:
    return lambda row: None if row.score is None else calibration.p_value(row.score)


def _matches(alarm: _Alarm, case: Case, span: ReplaySpan) -> bool:
    """Return whether an alarm and a stored case overlap, give or take `_MATCH_WITHIN_S`."""
    times = case_span(case, span.end_s)
    return alarm.begin_s <= times.end_s + _MATCH_WITHIN_S and alarm.end_s >= times.opened_s - _MATCH_WITHIN_S


def _new_alarm(alarm: _Alarm) -> NewAlarm:
    return NewAlarm(iso_utc(alarm.begin_s), iso_utc(alarm.end_s), alarm.peak_score, alarm.min_p_value)
