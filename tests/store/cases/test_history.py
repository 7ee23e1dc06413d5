"""Scores and events are read as they were stored."""

from __future__ import annotations

import math

from anomaly.alerts import ScoreRow, Store
from support.alert_store import START_S, Clock


def rows(machine: str, count: int) -> list[ScoreRow]:
    return [ScoreRow(machine, START_S + i, i, i / 7, 0.5, "OK") for i in range(count)]


def test_scores_of_a_machine_and_a_time(store: Store) -> None:
    store.history.add_scores([*rows("pump", 10), *rows("fan", 3)])
    assert store.history.scores("pump") == rows("pump", 10)
    assert store.history.scores("pump", START_S + 2, START_S + 4) == rows("pump", 10)[2:5]
    assert store.history.scores("none") == []


def test_the_last_score(store: Store) -> None:
    assert store.history.last_score("pump") is None
    store.history.add_scores(rows("pump", 5))
    assert store.history.last_score("pump") == rows("pump", 5)[-1]


def test_a_second_without_a_score(store: Store) -> None:
    gap = ScoreRow("pump", START_S, 0, None, None, "GAP")
    store.history.add_scores([gap])
    assert store.history.scores("pump") == [gap]


def test_nothing_to_add(store: Store) -> None:
    store.history.add_scores([])
    assert store.history.scores("pump", since_s=-math.inf) == []


def test_events(store: Store, clock: Clock) -> None:
    store.history.add_event("state", machine="pump", detail={"from": "OK", "to": "WATCH", "score": math.nan})
    clock.forward(1)
    store.history.add_event("state", machine="fan")
    store.history.add_event("note", case_id="abc", time_s=START_S)
    first, second, third = store.history.events()
    assert (first.event, first.machine, first.detail) == (
        "state",
        "pump",
        {"from": "OK", "to": "WATCH", "score": None},
    )
    assert first.time < second.time
    assert third.time == first.time
    assert store.history.events(machine="fan") == [second]
    assert store.history.events(case_id="abc") == [third]
