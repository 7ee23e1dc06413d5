from __future__ import annotations

from dataclasses import replace

from anomaly.archive.result_counts import ResultCounts
from anomaly.archive.rows import FileRow


def counted(*rows: FileRow) -> ResultCounts:
    counts = ResultCounts()
    for row in rows:
        counts.add(row)
    return counts


def test_the_summary_begins_with_the_verdict(scored: FileRow) -> None:
    ok, watch = replace(scored, state="OK"), replace(scored, state="WATCH")
    assert counted(scored, ok).summary() == "1 of 2 files in ALARM, 1 OK"
    assert counted(scored, watch, ok, ok).summary() == "1 of 4 files in ALARM, 1 in WATCH, 2 OK"
    assert counted(ok).summary() == "no alarm in 1 file, 1 OK"


def test_the_summary_names_files_that_are_not_judged(scored: FileRow, unreadable: FileRow) -> None:
    assert counted(scored, unreadable).summary().splitlines() == [
        "1 of 1 file in ALARM",
        "1 of 2 files not judged: d.wav (is empty (0 bytes))",
    ]
    assert counted(unreadable).summary() == "1 of 1 file not judged: d.wav (is empty (0 bytes))"
    many = counted(
        *(replace(unreadable, path=f"{number}.wav", error="is cut") for number in range(7))
    ).summary()
    assert many.endswith("3.wav (is cut), 4.wav (is cut), 2 more")


def test_counts(scored: FileRow, unreadable: FileRow) -> None:
    counts = counted(scored, replace(scored, state="WATCH"), unreadable)
    assert (counts.files, counts.scored, counts.alarms) == (3, 2, 1)
