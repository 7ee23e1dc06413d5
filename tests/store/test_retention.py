"""Old rows are removed, needed ones stay, and no writer waits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from anomaly.alerts import Case, ScoreRow, Store, iso_utc
from anomaly.store.database.rows import ClipRow, GapRow, StateRow
from anomaly.store.retention import Retention, tidy

DAY_S = 86_400.0
NOW_S = 1_800_000_000.0


def scores(store: Store, ages_s: list[float]) -> None:
    store.history.add_scores(ScoreRow("pump", NOW_S - age, i, 1.0, 0.5, "OK") for i, age in enumerate(ages_s))


def test_scores_are_removed_after_a_day_and_their_minutes_stay(store: Store) -> None:
    scores(store, [2 * DAY_S, DAY_S + 1, DAY_S - 1, 0.0])
    assert tidy(store, Retention(), NOW_S) == 2
    assert [row.second for row in store.history.scores("pump")] == [2, 3]
    assert sum(row.seconds for row in store.time_series.minutes("pump")) == 4


def test_more_than_one_step(store: Store) -> None:
    scores(store, [2 * DAY_S] * 4_500 + [0.0])
    assert tidy(store, Retention(), NOW_S) == 4_500


def test_new_scores_are_aggregated_after_all_were_removed(store: Store) -> None:
    scores(store, [3 * DAY_S] * 100)
    tidy(store, Retention(), NOW_S)
    assert len(store.history.scores("pump")) == 1
    scores(store, [0.0, 1.0])
    tidy(store, Retention(), NOW_S)
    assert sum(row.seconds for row in store.time_series.minutes("pump", since_s=NOW_S - DAY_S)) == 2


def test_rows_are_removed_after_a_year(store: Store) -> None:
    scores(store, [400 * DAY_S, 0.0])
    for age_days, state in ((402, "OK"), (401, "ALARM"), (400, "OK"), (2, "WATCH")):
        store.time_series.add_state(StateRow("pump", "decision", NOW_S - age_days * DAY_S, state))
    store.time_series.add_state(StateRow("fan", "decision", NOW_S - 500 * DAY_S, "OK"))
    store.time_series.add_gaps(
        [GapRow("pump", 0.0, NOW_S - 400 * DAY_S, "lost"), GapRow("pump", 0.0, NOW_S, "lost")]
    )
    tidy(store, Retention(), NOW_S)
    assert len(store.time_series.minutes("pump")) == 1
    # What held when the year began is still known.
    assert [row.state for row in store.time_series.states("pump", "decision")] == ["OK", "WATCH"]
    assert [row.state for row in store.time_series.states("fan", "decision")] == ["OK"]
    assert len(store.time_series.gaps("pump")) == 1


def test_an_open_case_keeps_its_events_and_a_closed_one_is_removed(
    store: Store, clock: Any, make_case: Callable[..., Case]
) -> None:
    clock.now_s = NOW_S - 400 * DAY_S
    store.outbox.subscribe(["plant"])
    kept, gone = make_case("pump"), make_case("fan")
    for case in (kept, gone):
        store.cases.open(case)
    store.cases.close(gone.id)
    for due in store.outbox.due(clock.now_s):
        store.outbox.mark_delivered(due)
    clock.now_s = NOW_S
    tidy(store, Retention(), NOW_S)
    assert [case.id for case in store.cases.select()] == [kept.id]
    assert [event.case_id for event in store.history.events()] == [kept.id]
    # The pending message about the closed case waits for its delivery.
    assert store.outbox.pending_count(["plant"]) == 1
    tidy(store, Retention(), NOW_S)
    assert store.outbox.pending_count(["plant"]) == 1


def test_retention_times_are_settings(store: Store) -> None:
    scores(store, [100.0, 0.0])
    store.history.add_event("old", time_s=NOW_S - 100)
    tidy(store, Retention(scores_days=10 / DAY_S, minutes_days=10 / DAY_S, events_days=10 / DAY_S), NOW_S)
    assert len(store.history.scores("pump")) == 1
    assert store.history.events() == []


def test_the_access_log_outlives_the_clip(store: Store, clock: Any) -> None:
    clock.now_s = NOW_S
    clip = ClipRow("0123456789ab", "ca5e", "pump", NOW_S, 30.0, "full", "pump/x", 1000)
    store.clips.add(clip)
    store.clips.log_access(clip, "anna", "play", "what was it")
    store.clips.remove(clip.id)
    tidy(store, Retention(), NOW_S + 30 * DAY_S)
    assert store.clips.select() == []
    assert [c.removed_s for c in store.clips.select(removed=True)] == [NOW_S]
    (access,) = store.clips.accesses(case_id="ca5e")
    assert (access.who, access.how, access.note, access.time) == (
        "anna",
        "play",
        "what was it",
        iso_utc(NOW_S),
    )


def test_nothing_to_do_on_an_empty_store(path: Path) -> None:
    with Store.open(path) as store:
        assert tidy(store, Retention(), NOW_S) == 0
