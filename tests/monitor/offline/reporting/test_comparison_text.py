"""Text of a comparison: the verdict first, then the recordings that differ, all of them with details."""

from __future__ import annotations

from anomaly.monitor.offline.reporting.comparison_text import comparison_text
from anomaly.monitor.offline.version_comparison import RecordingComparison, VersionVerdict, summary

QUIET, ALARM = VersionVerdict(0.5, 0.3, alarm=False), VersionVerdict(12.3456, 1e-9, alarm=True)
ROWS = [
    RecordingComparison("same.wav", QUIET, QUIET),
    RecordingComparison("new.wav", QUIET, ALARM),
    RecordingComparison("gone.wav", ALARM, QUIET),
    RecordingComparison("bad.wav", None, None, "not sound"),
]


def text(rows: list[RecordingComparison], *, details: bool = False) -> list[str]:
    return comparison_text(rows, summary(rows), "pump", ("old", "young"), details=details)


def test_the_verdict_and_the_recordings_that_differ() -> None:
    verdict, new, gone, error, *_ = text(ROWS)
    assert verdict == (
        "young instead of old: 1 alarm would be new, 1 would no longer be raised; 1 instead of 1 on 3 recordings."
    )
    assert new.split("  ")[1:] == ["new alarm", "", "", "", "", "new.wav"]
    assert "no alarm any more" in gone
    assert error == "  cannot be compared  bad.wav: not sound"
    assert "anomaly models activate pump young" in text(ROWS)[-1]
    assert not any("same.wav" in line for line in text(ROWS))


def test_details_show_scores_and_probabilities() -> None:
    row = next(line for line in text(ROWS, details=True) if line.endswith("| new.wav"))
    assert "12.35  < 1 in a million  ALARM" in row


def test_nothing_compared() -> None:
    assert text(ROWS[3:])[0] == "nothing could be compared."
