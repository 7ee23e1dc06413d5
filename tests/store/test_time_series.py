"""Minutes, states and gaps: the record that remains when the seconds are removed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anomaly.alerts import ScoreRow, Store
from anomaly.store.database.rows import GapRow, StateRow

MINUTE_S = 1_800_000_000.0


def seconds(store: Store, begin_s: float, scores: list[float | None], state: str = "OK") -> None:
    store.history.add_scores(
        ScoreRow("pump", begin_s + i, i, score, None if score is None else 0.5, state)
        for i, score in enumerate(scores)
    )


def test_a_minute_is_aggregated(store: Store) -> None:
    seconds(store, MINUTE_S, [1.0, 3.0, None])
    seconds(store, MINUTE_S + 10, [8.0], state="ALARM")
    seconds(store, MINUTE_S + 60, [2.0], state="WATCH")
    assert not store.time_series.sum_up()
    first, second = store.time_series.minutes("pump")
    assert (first.minute_s, first.seconds, first.scored) == (MINUTE_S, 4, 3)
    assert (first.score_mean, first.score_max, first.p_value_min) == (4.0, 8.0, 0.5)
    assert (first.watch_s, first.alarm_s) == (0, 1)
    assert (second.seconds, second.watch_s) == (1, 1)


def test_a_minute_with_later_scores_is_aggregated_again(store: Store) -> None:
    seconds(store, MINUTE_S, [1.0])
    store.time_series.sum_up()
    seconds(store, MINUTE_S + 1, [5.0])
    store.time_series.sum_up()
    (row,) = store.time_series.minutes("pump")
    assert (row.seconds, row.score_max) == (2, 5.0)


def test_aggregation_is_done_in_steps(store: Store) -> None:
    seconds(store, MINUTE_S, [1.0] * 150)
    assert store.time_series.sum_up(most=100)
    assert not store.time_series.sum_up(most=100)
    assert [row.seconds for row in store.time_series.minutes("pump")] == [60, 60, 30]


def test_machines_have_minutes_of_their_own(store: Store) -> None:
    seconds(store, MINUTE_S, [1.0])
    store.history.add_scores([ScoreRow("fan", MINUTE_S, 0, None, None, "OK")])
    store.time_series.sum_up()
    assert [row.scored for machine in ("pump", "fan") for row in store.time_series.minutes(machine)] == [1, 0]


def test_only_changes_of_state_are_kept(store: Store) -> None:
    for time_s, state in enumerate(["OK", "OK", "WATCH", "OK"]):
        store.time_series.add_state(StateRow("pump", "decision", float(time_s), state))
    store.time_series.add_state(StateRow("pump", "sensor", 9.0, "ok"))
    assert [(row.time_s, row.state) for row in store.time_series.states("pump", "decision")] == [
        (0.0, "OK"),
        (2.0, "WATCH"),
        (3.0, "OK"),
    ]


def test_the_newest_state(store: Store) -> None:
    assert store.time_series.newest_state("pump", "operating") is None
    for time_s, state in enumerate(["running", "stopped"]):
        store.time_series.add_state(StateRow("pump", "operating", float(time_s), state))
    store.time_series.add_state(StateRow("fan", "operating", 9.0, "running"))
    assert store.time_series.newest_state("pump", "operating") == StateRow(
        "pump", "operating", 1.0, "stopped"
    )


def test_gaps(store: Store) -> None:
    store.time_series.add_gaps([])
    store.time_series.add_gaps([GapRow("pump", 1.0, 2.5, "overflow"), GapRow("pump", 10.0, 90.0, "lost")])
    assert [row.reason for row in store.time_series.gaps("pump")] == ["overflow", "lost"]
    assert [row.reason for row in store.time_series.gaps("pump", since_s=50.0)] == ["lost"]


@pytest.mark.parametrize("method", ["add_state", "add_gaps"])
def test_a_failed_write_stores_nothing(store: Store, method: str) -> None:
    bad: Callable[..., Any] = getattr(store.time_series, method)
    row = StateRow("pump", "decision", 1.0, None) if method == "add_state" else [GapRow("p", 1, None, "x")]  # type: ignore[arg-type]
    with pytest.raises(Exception, match="NOT NULL"):
        bad(row)
    assert store.time_series.states("pump", "decision") == []
    assert store.time_series.gaps("p") == []


def test_minutes_outlive_a_restart(path: Path) -> None:
    with Store.open(path) as store:
        seconds(store, MINUTE_S, [1.0])
        store.time_series.sum_up()
    with Store.open(path) as store:
        assert len(store.time_series.minutes("pump")) == 1
        assert not store.time_series.sum_up()
