from __future__ import annotations

from dataclasses import replace

from anomaly.archive.result_counts import ResultCounts
from anomaly.archive.rows import FileRow


def counted(*rows: FileRow) -> ResultCounts:
    counts = ResultCounts()
    for row in rows:
        counts.add(row)
    return counts


def test_the_summary_names_states_and_failures(scored: FileRow, unreadable: FileRow) -> None:
    assert counted(scored, replace(scored, state="OK")).summary() == "2 of 2 files scored: 1 OK, 1 ALARM"
    assert counted(scored, unreadable).summary() == "1 of 2 files scored: 1 ALARM; 1 could not be"
    assert counted(unreadable).summary() == "0 of 1 files scored; 1 could not be"


def test_counts(scored: FileRow, unreadable: FileRow) -> None:
    counts = counted(scored, replace(scored, state="WATCH"), unreadable)
    assert (counts.files, counts.scored, counts.alarms) == (3, 2, 1)
