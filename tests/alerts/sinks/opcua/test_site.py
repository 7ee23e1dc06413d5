"""A site of 200 machines whose alarms come at once; and a monitor that is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anomaly.alerts import DATABASE_NAME, Dispatcher, RetryPolicy, Store
from anomaly.alerts.sinks.harness import example_case
from anomaly.alerts.sinks.opcua.condition import message_id_of
from anomaly.alerts.sinks.opcua.opcua_sink import OpcUaSink
from support.opcua_client import OpcUaClient
from support.waiting import wait_until

MakeSink = Callable[..., OpcUaSink]
MakeClient = Callable[..., OpcUaClient]
QUICK = RetryPolicy(first_s=0.05, longest_s=0.2)
MACHINES = 200
# Opens and closes cases as fast as it can, and delivers, until it is killed.
MONITOR = """
import itertools, sys, time
from pathlib import Path
from anomaly.alerts import Case, Dispatcher, RetryPolicy, Store, iso_utc
from anomaly.alerts.sinks import SinkContext
from anomaly.alerts.sinks.opcua.opcua_kind import OPCUA
folder, port = Path(sys.argv[1]), int(sys.argv[2])
keys = {"name": "scada", "port": port, "users": [{"username": "ann", "password_env": "A"}], "timeout_s": 1}
keys |= {"folder": folder / "opcua", "trust_all_clients": True}
sink = OPCUA.build(OPCUA.config.model_validate(keys), SinkContext(("pump",), {"A": "s3cret"}))
store = Store.open(folder / "anomaly.sqlite")
with Dispatcher(store, [sink], retry=RetryPolicy(0.05, 0.2), poll_s=0.02) as dispatcher:
    for i in itertools.count():
        case = store.cases.open(Case("pump", "machine", iso_utc(time.time()), "bad"))
        store.cases.close(case.id)
        time.sleep(0.05)
"""


def test_two_hundred_alarms_at_once(tmp_path: Path, make_sink: MakeSink, make_client: MakeClient) -> None:
    sink = make_sink()
    with (
        Store.open(tmp_path / DATABASE_NAME) as store,
        Dispatcher(store, [sink], retry=QUICK, poll_s=0.02) as dispatcher,
    ):
        wait_until(lambda: sink._thread.is_running)
        client = make_client()
        client.connect()
        client.subscribe(period_ms=1000)
        for number in range(MACHINES):
            store.cases.open(example_case(f"m{number}"))
        assert dispatcher.drain(60)
        wait_until(lambda: len({event.SourceName for event in client.alarms()}) == MACHINES)
        late = make_client()
        late.connect()
        late.subscribe()
        assert late.refresh() == "Good"
        wait_until(lambda: len(late.events) == MACHINES + 2)
        assert late.value("m199/Sound/ActiveState/Id") is True


@pytest.fixture
def run_monitor(tmp_path: Path, port: int) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def run() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", MONITOR, str(tmp_path), str(port)]
        started.append(subprocess.Popen(command))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


def connected(make_client: MakeClient) -> OpcUaClient:
    client = make_client()

    def try_to_connect() -> bool:
        try:
            client.connect()
            client.subscribe()
        except Exception:
            return False
        return True

    wait_until(try_to_connect, 40)
    return client


def test_kill(
    tmp_path: Path, make_client: MakeClient, run_monitor: Callable[[], subprocess.Popen[bytes]], port: int
) -> None:
    got: list[str] = []
    for _ in range(3):
        monitor = run_monitor()
        client = connected(make_client)
        client.wait_for(10)
        time.sleep(0.1)
        monitor.kill()
        monitor.wait()
        # What was confirmed in the last moment may still be on its way to the list.
        time.sleep(0.2)
        got += [message_id_of(event.EventId) for event in client.alarms()]
    with Store.open(tmp_path / DATABASE_NAME) as store, store.database.reading() as connection:
        sql = (
            "SELECT json_extract(body, '$.id') AS id, json_extract(body, '$.case.id') AS case_id, status FROM outbox"
            " JOIN deliveries ON outbox.id = outbox_id ORDER BY outbox.id"
        )
        rows = connection.execute(sql).fetchall()
    delivered = [row["id"] for row in rows if row["status"] == "delivered"]
    assert len(delivered) > 20
    assert set(delivered) <= set(got)
    # A client that knows the identifiers sees each event once, and those of a case in order.
    known = {number: place for place, number in enumerate(dict.fromkeys(got))}
    by_case: dict[str, list[int]] = {}
    for row in rows:
        if row["id"] in known:
            by_case.setdefault(row["case_id"], []).append(known[row["id"]])
    assert all(places == sorted(places) for places in by_case.values())
