"""Text of `anomaly models compare`: alarms that would be new or no longer raised with another version of a bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anomaly.monitor.offline.reporting.next_steps import next_steps
from anomaly.monitor.offline.version_comparison import RecordingComparison, VersionVerdict
from anomaly.readable import count, one_in


def comparison_text(
    rows: Sequence[RecordingComparison],
    counts: Mapping[str, Any],
    machine: str,
    versions: tuple[str, str],
    *,
    options: str = "",
    details: bool = False,
) -> list[str]:
    """Lines about a comparison: verdict, recordings on which the versions differ, errors.

    Args:
        rows: of the recordings.
        counts: of the rows, see `version_comparison.summary`.
        machine: its name.
        versions: identifiers of the reference and the candidate.
        options: folders of the command line, which the next command needs too.
        details: all recordings with scores and probabilities.
    """
    one, other = versions
    scored = [(row.path, row.one, row.other) for row in rows if row.one is not None and row.other is not None]
    if not scored:
        verdict = ["nothing could be compared."]
    else:
        verdict = [
            f"{other} instead of {one}: {count(counts['appear'], 'alarm')} would be new, {counts['vanish']} would no "
            f"longer be raised; {counts['alarms_other']} instead of {counts['alarms_one']} on "
            f"{count(counts['compared'], 'recording')}."
        ]
    differing = [
        f"  {'new alarm' if new.alarm else 'no alarm any more':<17}  {path}"
        for path, old, new in scored
        if new.alarm != old.alarm
    ]
    errors = [f"  cannot be compared  {row.path}: {row.error}" for row in rows if row.error is not None]
    table = _table(scored, versions) if details else []
    steps = (
        []
        if not scored or one == other
        else [(f"anomaly models activate {machine} {other}{options}", "put it into use")]
    )
    return [*verdict, *differing, *errors, *table, *next_steps(steps)]


def _table(
    scored: Sequence[tuple[str, VersionVerdict, VersionVerdict]], versions: tuple[str, str]
) -> list[str]:
    header = " | ".join(f"{version:<33}" for version in versions)
    rows = [f"{_cells(one)} | {_cells(other)} | {path}" for path, one, other in scored]
    return ["", f"{header} | recording", *rows]


def _cells(verdict: VersionVerdict) -> str:
    state = "ALARM" if verdict.alarm else "-"
    return f"{verdict.score:8.2f}  {one_in(verdict.p_value):<16}  {state:<5}"
