"""Curves of a machine at each resolution, with the bands behind them."""

from __future__ import annotations

import pytest

from anomaly.alerts import ScoreRow, Store
from anomaly.errors import UsageError
from anomaly.store.curve import CurveResolution, curve, finest
from anomaly.store.database.rows import GapRow, StateRow
from anomaly.store.database.schema import MIGRATIONS
from anomaly.store.reader import StoreReader
from anomaly.store.state_kinds import StateKind
from support.alert_store import Clock

HOUR_S = 1_800_000_000.0


@pytest.fixture
def reader(store: Store) -> StoreReader:
    """Two hours: in the first each tenth second, in the second one alarm and one second that was not judged."""
    rows = [ScoreRow("pump", HOUR_S + at, at, 1.0 + at % 2, 0.5, "OK") for at in range(0, 3_600, 10)]
    rows += [ScoreRow("pump", HOUR_S + 3_600 + at, at, 9.0, 0.001, "ALARM") for at in range(60)]
    rows.append(ScoreRow("pump", HOUR_S + 3_700, 3_700, None, None, "UNKNOWN"))
    store.history.add_scores(rows)
    while store.time_series.sum_up():
        pass
    store.time_series.add_gaps([GapRow("pump", HOUR_S + 30, HOUR_S + 40, "lost")])
    for at, state in ((-500.0, "running"), (1_000.0, "stopped"), (1_500.0, "running")):
        store.time_series.add_state(StateRow("pump", StateKind.OPERATING, HOUR_S + at, state))
    return StoreReader(store.path)


def test_seconds(reader: StoreReader) -> None:
    found = curve(reader, "pump", CurveResolution.SECOND, HOUR_S, HOUR_S + 100)
    assert list(found.time_s) == [HOUR_S + at for at in range(0, 100, 10)]
    assert list(found.score_max) == list(found.score_mean) == [1.0] * 10
    assert [gap.name for gap in found.gaps] == ["lost"]


def test_minutes_and_hours(reader: StoreReader) -> None:
    minutes = curve(reader, "pump", CurveResolution.MINUTE, HOUR_S, HOUR_S + 7_200)
    assert len(minutes.time_s) == 62
    assert (minutes.score_mean[60], minutes.alarm_share[60], minutes.scored_s[60]) == (9.0, 1.0, 60)
    assert minutes.score_mean[61] is None
    hours = curve(reader, "pump", CurveResolution.HOUR, HOUR_S, HOUR_S + 7_200)
    assert list(hours.score_mean) == [1.0, 9.0]
    assert list(hours.p_value) == [0.5, 0.001]
    assert hours.alarm_share[1] == pytest.approx(60 / 61)


def test_days_begin_where_the_viewer_is(reader: StoreReader) -> None:
    offset_s = 5 * 3_600
    found = curve(
        reader, "pump", CurveResolution.DAY, HOUR_S - 86_400, HOUR_S + 86_400, day_offset_s=offset_s
    )
    assert sum(found.scored_s) == 420
    assert all((time_s + offset_s) % 86_400 == 0 for time_s in found.time_s)


def test_the_state_before_the_beginning_is_known(reader: StoreReader) -> None:
    found = curve(reader, "pump", CurveResolution.MINUTE, HOUR_S, HOUR_S + 7_200)
    bands = [
        (span.begin_s - HOUR_S, span.end_s and span.end_s - HOUR_S, span.name) for span in found.operating
    ]
    assert bands == [(0.0, 1_000.0, "running"), (1_000.0, 1_500.0, "stopped"), (1_500.0, None, "running")]


def test_maintenance(store: Store, reader: StoreReader, clock: Clock) -> None:
    store.maintenance.begin("pump", 3_600.0, "anna")
    clock.forward(600.0)
    store.maintenance.end("pump", "anna")
    (span,) = curve(reader, "pump", CurveResolution.HOUR, clock.now_s - 7_200, clock.now_s + 60).maintenance
    assert (span.name, span.end_s) == ("anna", clock.now_s)


def test_too_many_points_are_refused(reader: StoreReader) -> None:
    with pytest.raises(UsageError, match="more than 20,000 points"):
        curve(reader, "pump", CurveResolution.SECOND, HOUR_S, HOUR_S + 86_400)


def test_the_finest_resolution_that_fits() -> None:
    spans = {1_800: "second", 86_400: "minute", 30 * 86_400: "hour", 400 * 86_400: "day"}
    assert {length: finest(0, length).value for length in spans} == spans


def test_hours_of_a_database_that_was_made_before_them(store: Store, reader: StoreReader) -> None:
    with store.database.transaction() as connection:
        before = [tuple(row) for row in connection.execute("SELECT * FROM hours ORDER BY hour_s")]
        connection.execute("DELETE FROM hours")
        connection.execute(MIGRATIONS[6].statements[1])
        assert [tuple(row) for row in connection.execute("SELECT * FROM hours ORDER BY hour_s")] == before
