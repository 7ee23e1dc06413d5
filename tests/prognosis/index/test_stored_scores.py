"""Index of a machine from the database: minutes, newest seconds, alarm level and resets."""

from __future__ import annotations

import pytest

from anomaly.alerts import Store
from anomaly.prognosis.index.stored_scores import stored_index
from anomaly.store.database.rows import ScoreRow, StateRow
from anomaly.store.reader import StoreReader
from anomaly.store.state_kinds import StateKind
from support.alert_store import START_S

MINUTE_S = START_S // 60 * 60


def rows(first_s: float, seconds: int, score: float, p_value: float) -> list[ScoreRow]:
    return [ScoreRow("pump", first_s + n + 0.5, n, score, p_value, "OK") for n in range(seconds)]


def test_minutes_and_the_newest_seconds(store: Store) -> None:
    store.history.add_scores(rows(MINUTE_S, 60, 1.0, 0.2))
    while store.time_series.sum_up():
        continue
    store.history.add_scores(rows(MINUTE_S + 60, 30, 3.0, 0.05))
    store.history.add_scores(rows(MINUTE_S + 120, 5, 9.0, 0.05))
    found = stored_index(StoreReader(store.path), "pump")
    assert found.times_s.tolist() == [MINUTE_S + 30, MINUTE_S + 90]
    assert found.values.tolist() == [1.0, 3.0]
    assert found.alarm_level == 3.0


def test_the_level_is_unknown_before_the_machine_came_near(store: Store) -> None:
    store.history.add_scores(rows(MINUTE_S, 60, 1.0, 0.2))
    assert stored_index(StoreReader(store.path), "pump").alarm_level is None


def test_resets(store: Store) -> None:
    store.maintenance.begin("pump", 3_600.0, "Ada")
    store.maintenance.end("pump", "Ada")
    store.history.add_event("machine.rebaselined", machine="pump")
    store.history.add_event("machine.rebaselined", machine="fan")
    for model in ("student 1", "student 2"):
        store.time_series.add_state(StateRow("pump", StateKind.MODEL, START_S + 1e6, model))
    reasons = [reset.reason for reset in stored_index(StoreReader(store.path), "pump").resets]
    assert sorted(reasons) == [
        "another model scores: student 2",
        "maintenance ended",
        "the machine sounds different from now on",
    ]


@pytest.mark.parametrize("machine", ["fan", ""])
def test_a_machine_that_is_not_stored(store: Store, machine: str) -> None:
    assert len(stored_index(StoreReader(store.path), machine)) == 0
