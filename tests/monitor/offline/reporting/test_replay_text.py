"""Text of a replay: the verdict first, outcomes in plain words, figures only with details."""

from __future__ import annotations

from anomaly.monitor.offline.replay_result import NewAlarm, ReplayedCase, ReplayResult
from anomaly.monitor.offline.reporting.replay_text import replay_text

TIME = "2027-01-15T08:00:00.000Z"
CASES = (
    ReplayedCase("a" * 32, TIME, "stays", "history"),
    ReplayedCase("b" * 32, TIME, "vanishes", "clip"),
    ReplayedCase("c" * 32, TIME, "unknown", "no clip was kept"),
)
ALARM = NewAlarm(TIME, TIME, 12.3456, 1e-9)


def result(
    cases: tuple[ReplayedCase, ...] = CASES, appear: tuple[NewAlarm, ...] = (ALARM,), other_seconds: int = 0
) -> ReplayResult:
    return ReplayResult("pump", TIME, TIME, 0.5, 17.25, 900, cases, appear, "student abc", other_seconds)


def test_the_verdict_counts_cases_and_new_alarms() -> None:
    verdict, *rest = replay_text(result())
    assert verdict.endswith(
        "3 cases: 1 would still be opened, 1 would no longer be opened, 1 cannot be decided; 1 alarm would be new."
    )
    assert [line.split("  ")[1] for line in rest] == ["still opened", "no longer opened", "unknown", "new"]
    assert "no clip was kept" in rest[2]


def test_without_a_case_or_an_alarm() -> None:
    (verdict,) = replay_text(result((), ()))
    assert verdict.endswith("no case; no alarm would be new.")


def test_another_bundle_cannot_show_new_alarms() -> None:
    verdict, *_, last = replay_text(result(CASES[:1], ()), other_bundle=True)
    assert verdict.endswith("1 case: 1 would still be opened.")
    assert "New cases are not known" in last


def test_seconds_left_out_are_reported() -> None:
    assert "7 min left out" in replay_text(result((), (), other_seconds=420))[1]


def test_figures_only_with_details() -> None:
    plain, full = ("\n".join(replay_text(result(), details=details)) for details in (False, True))
    assert "score 12.3, less often than once in a million" in full
    assert "limit 17.2 for 3.5 false alarms a week; student abc" in full
    assert "score 12" not in plain
    assert "limit" not in plain


def test_steps_come_last() -> None:
    assert replay_text(result(), steps=[("command", "purpose")])[-2:] == ["Next:", "  command  purpose"]
