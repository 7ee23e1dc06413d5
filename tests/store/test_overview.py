"""Newest facts of several machines."""

from __future__ import annotations

from collections.abc import Callable

from anomaly.alerts import Case, ScoreRow, Store
from anomaly.store.database.rows import StateRow
from anomaly.store.overview import SHOWN_MINUTES, overview
from anomaly.store.reader import StoreReader
from anomaly.store.state_kinds import StateKind
from support.alert_store import Clock


def test_overview(store: Store, clock: Clock, make_case: Callable[..., Case]) -> None:
    now_s = clock.now_s
    rows = [ScoreRow("pump", now_s - 600 + at, at, float(at % 7), 0.5, "OK") for at in range(600)]
    store.history.add_scores(rows, [StateRow("pump", StateKind.SENSOR, now_s - 600, "ok")])
    store.time_series.sum_up()
    case = make_case("pump")
    store.cases.open(case)
    store.cases.open(make_case("other"))
    pump, fan = overview(StoreReader(store.path), ["pump", "fan"], now_s)
    assert pump.summary.last is not None
    assert pump.summary.last.second == 599
    assert pump.summary.states[StateKind.SENSOR].state == "ok"
    assert [one.id for one in pump.open_cases] == [case.id]
    assert len(pump.last_hour) == SHOWN_MINUTES
    assert [score is None for score in pump.last_hour] == [True] * 50 + [False] * 10
    assert (fan.summary.last, fan.open_cases, set(fan.last_hour)) == (None, [], {None})
