"""Share of faults that reach ALARM within a minute, clips of a fault in a row."""

from __future__ import annotations

from anomaly.detect.decision import limit_for
from anomaly.evaluate.metrics.joined_alarms import JoinedAlarms, in_total, joined_alarms, joined_by_fault

LIMIT = limit_for(1.0, 0.0)
LOUD, CALM = [1e-6], [0.5]


def counts(found: JoinedAlarms) -> tuple[int, int]:
    return found.alarmed, found.stretches


def test_short_clips_are_joined_to_minutes() -> None:
    assert counts(joined_alarms([CALM * 10] * 18, LIMIT)) == (0, 3)
    # Two loud seconds a clip are too brief for an alarm in one clip, and add up over clips that follow each other.
    brief = [*CALM * 0, *LOUD * 2]
    assert counts(joined_alarms([brief], LIMIT)) == (0, 1)
    assert counts(joined_alarms([brief] * 30, LIMIT)) == (1, 1)


def test_each_minute_starts_from_zero() -> None:
    loud, calm = [LOUD * 10] * 6, [CALM * 10] * 6
    assert counts(joined_alarms([*loud, *calm], LIMIT)) == (1, 2)
    assert counts(joined_alarms([*calm, *loud, *loud], LIMIT)) == (2, 3)


def test_of_a_long_clip_the_first_minute_counts() -> None:
    assert counts(joined_alarms([CALM * 60 + LOUD * 60, LOUD * 100], LIMIT)) == (1, 2)


def test_what_is_left_of_a_minute_counts_only_where_there_is_no_other() -> None:
    assert counts(joined_alarms([CALM * 10] * 6 + [LOUD * 30], LIMIT)) == (0, 1)
    assert counts(joined_alarms([LOUD * 30], LIMIT)) == (1, 1)


def test_without_sound_there_is_no_share() -> None:
    assert joined_alarms([], LIMIT).share is None
    assert joined_alarms([[]], LIMIT).as_json() == {"share": None, "alarmed": 0, "stretches": 0}


def test_each_fault_is_joined_on_its_own() -> None:
    clips = [("rub", LOUD * 30), ("leak", CALM * 30), ("rub", CALM * 30), ("leak", LOUD * 5)]
    found = joined_by_fault(clips, LIMIT)
    assert {name: counts(one) for name, one in found.items()} == {"leak": (1, 1), "rub": (1, 1)}
    assert list(found) == ["leak", "rub"]
    assert counts(in_total(found)) == (2, 2)
    assert in_total({}).share is None
