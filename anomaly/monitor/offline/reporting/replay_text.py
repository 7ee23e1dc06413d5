"""Text of `anomaly replay`: cases that would still be opened, would no longer be opened, and would be new."""

from __future__ import annotations

from collections.abc import Sequence

from anomaly.monitor.offline.replay_result import Outcome, ReplayedCase, ReplayResult
from anomaly.monitor.offline.reporting.next_steps import next_steps
from anomaly.readable import count, duration, local_time, rarity, rate
from anomaly.store.cases.case import SHORT_ID, unix_s

_OUTCOMES: dict[Outcome, str] = {
    "stays": "still opened",
    "vanishes": "no longer opened",
    "unknown": "unknown",
}
_EVIDENCE = {"history": "by stored scores", "clip": "by its clip"}
_NEW = "new"
_WIDTH = max(map(len, _OUTCOMES.values()))


def replay_text(
    result: ReplayResult,
    *,
    other_bundle: bool = False,
    steps: Sequence[tuple[str, str]] = (),
    details: bool = False,
) -> list[str]:
    """Lines about a replay: verdict, each case and alarm, seconds left out, what to do next.

    Args:
        result: of the replay.
        other_bundle: clips were scored by another bundle, so that new alarms cannot be found.
        steps: commands that put into use what was tried, and the purpose of each.
        details: limit, scores and model too.
    """
    lines = [_verdict(result, other_bundle), *map(_case_line, result.cases)]
    for alarm in result.appear:
        begin, end = local_time(unix_s(alarm.begin)), local_time(unix_s(alarm.end))
        figures = f"  (score {alarm.peak_score:.1f}, {rarity(alarm.min_p_value)})" if details else ""
        lines.append(f"  {_NEW:<{_WIDTH}}  alarm from {begin} to {end}{figures}")
    if result.other_seconds:
        lines.append(
            f"{duration(result.other_seconds)} left out: another bundle or detector scored them, or a monitor that "
            "did not record which"
        )
    if other_bundle:
        lines.append(
            "New cases are not known: another bundle needs the sound, and clips are kept only with cases."
        )
    if details:
        lines.append(
            f"limit {result.limit:.1f} for {rate(result.false_alarms_per_day, 'false alarm')}; {result.model}; "
            f"{duration(result.history_seconds)} of stored scores decided again"
        )
    return [*lines, *next_steps(steps)]


def _verdict(result: ReplayResult, other_bundle: bool) -> str:
    counts, since = result.counts, local_time(unix_s(result.since))
    budget = rate(result.false_alarms_per_day, "false alarm")
    outcomes = [
        f"{counts[outcome]} {text}"
        for outcome, text in (
            ("stays", "would still be opened"),
            ("vanishes", "would no longer be opened"),
            ("unknown", "cannot be decided"),
        )
        if counts[outcome]
    ]
    cases = f"{count(len(result.cases), 'case')}: {', '.join(outcomes)}" if result.cases else "no case"
    new = (
        ""
        if other_bundle
        else f"; {count(counts['appear'], 'alarm') if counts['appear'] else 'no alarm'} would be new"
    )
    return f"{result.machine} since {since}, at a budget of {budget}: {cases}{new}."


def _case_line(case: ReplayedCase) -> str:
    opened = local_time(unix_s(case.opened_at))
    evidence = _EVIDENCE.get(case.by, case.by)
    return f"  {_OUTCOMES[case.outcome]:<{_WIDTH}}  case {case.case[:SHORT_ID]} of {opened}  ({evidence})"
