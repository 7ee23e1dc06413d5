"""Machines and their scores over time."""

from __future__ import annotations

import time
from collections.abc import Callable

from anomaly.store.database.file_lock import FileLock
from support.dashboard import Dashboard


def test_the_overview(dashboard: Dashboard) -> None:
    machines = {one["machine"]: one for one in dashboard.get("/machines")}
    assert set(machines) == {"pump", "fan"}
    pump = machines["pump"]
    assert (pump["display_name"], pump["group"], pump["state"]) == ("Feed pump", "Hall 2", "UNKNOWN")
    assert pump["reason"].startswith("no monitor watches it")
    assert pump["open_case"]["id"] == dashboard.case.id
    assert len(pump["last_hour"]) == 60
    assert max(score for score in pump["last_hour"] if score is not None) == 4.5


def test_a_machine_that_is_watched(dashboard: Dashboard) -> None:
    with FileLock(dashboard.folder / "state/monitor-pump.lock"):
        pump = dashboard.get("/machines/pump")
    assert (pump["state"], pump["health_state"], pump["monitored"]) == ("OK", "OK", True)
    assert (pump["score"], pump["budget"]) == (4.5, 1.0)


def test_a_password_in_an_address_is_not_shown(dashboard: Dashboard) -> None:
    assert dashboard.get("/machines/fan")["source"] == "rtsp://camera/audio"


def test_a_machine_that_nobody_knows(dashboard: Dashboard) -> None:
    answer = dashboard.client.get("/api/v1/machines/none")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "there is no machine 'none'"


def test_scores(dashboard: Dashboard) -> None:
    now_s = time.time()
    found = dashboard.get(f"/machines/pump/scores?from={now_s - 300}&to={now_s}&resolution=second")
    assert (found["resolution"], found["machine"]) == ("second", "pump")
    assert 295 <= len(found["time"]) <= 300
    assert {len(found[name]) for name in ("score_mean", "score_max", "operating_state")} == {
        len(found["time"])
    }
    hours = dashboard.get("/machines/pump/scores", params={"from": now_s - 86_400, "resolution": "hour"})
    assert sum(hours["scored_s"]) == 600
    assert hours["from"] == now_s - 86_400


def test_times_that_cannot_be(dashboard: Dashboard) -> None:
    for query in (
        "from=9&to=8",
        "from=x",
        "from=1e300",
        "resolution=week",
        "other=1",
        "from=1&from=2",
        "from=nan",
    ):
        assert dashboard.client.get(f"/api/v1/machines/pump/scores?{query}").status_code == 422, query


def test_the_trend(dashboard: Dashboard) -> None:
    found = dashboard.get("/machines/pump/trend")
    assert sum(found["scored_s"]) == 600
    assert sum(found["cases"]) == 1


def test_before_the_first_monitor(make_dashboard: Callable[..., Dashboard]) -> None:
    found = make_dashboard()
    (found.folder / "state/anomaly.sqlite").unlink()
    for file in (found.folder / "state").glob("anomaly.sqlite-*"):
        file.unlink()
    assert {one["state"] for one in found.get("/machines")} == {"UNKNOWN"}
    assert found.get("/machines/pump/scores")["time"] == []
    assert found.get("/cases") == {"items": [], "next": None}
