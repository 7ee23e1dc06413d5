"""Newest facts of a machine, and the seconds with a score, whether they are summed up by the minute or not."""

from __future__ import annotations

from anomaly.alerts import Store
from anomaly.store.database.rows import ScoreRow, StateRow
from anomaly.store.machine_summary import machine_summary, stored_machines
from anomaly.store.reader import StoreReader
from anomaly.store.state_kinds import StateKind
from support.alert_store import START_S


def test_summary(store: Store) -> None:
    rows = [ScoreRow("pump", START_S + n, n, 0.5 if n % 2 else None, 0.5, "OK") for n in range(200)]
    store.history.add_scores(rows[:150], [StateRow("pump", StateKind.SENSOR, START_S, "ok")])
    reader = StoreReader(store.path)
    assert machine_summary(reader, "pump").scored_s == 75
    while store.time_series.sum_up():
        continue
    assert machine_summary(reader, "pump").scored_s == 75
    store.history.add_scores(rows[180:], [StateRow("pump", StateKind.SENSOR, START_S + 180, "silent")])
    found = machine_summary(reader, "pump")
    assert found.scored_s == 85
    assert found.last == rows[-1]
    assert {kind: row.state for kind, row in found.states.items()} == {StateKind.SENSOR: "silent"}


def test_a_machine_that_is_not_stored(store: Store) -> None:
    found = machine_summary(StoreReader(store.path), "fan")
    assert (found.last, dict(found.states), found.scored_s) == (None, {}, 0)


def test_machines(store: Store) -> None:
    assert stored_machines(StoreReader(store.path)) == []
    for machine in ("pump", "fan"):
        store.time_series.add_state(StateRow(machine, StateKind.SENSOR, START_S, "ok"))
    assert stored_machines(StoreReader(store.path)) == ["fan", "pump"]
