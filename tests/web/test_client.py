"""The client for Python against a server on a port, also the live stream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from anomaly.errors import RemoteError
from anomaly.monitor.event_bus import EventBus
from anomaly.monitor.live.publisher import LivePublisher
from anomaly.monitor.records import SecondRecord
from anomaly.store.store import DATABASE_NAME, Store
from anomaly.web.client import Client
from support.dashboard import SITE, fill

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path, str]]:
    """Address, folder and case of a server with a token."""
    (tmp_path / "site.yaml").write_text(SITE)
    tokens = tmp_path / "tokens"
    tokens.write_text(f"historian operator+listen {TOKEN}\n")
    tokens.chmod(0o600)
    case = fill(tmp_path / "state", time.time())
    command = [sys.executable, "-m", "anomaly", "serve", "--port", "0", "--token-file", str(tokens)]
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=os.environ | {"ANOMALY_STATE": ""}
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("dashboard: http://127.0.0.1:"), line
        yield line.split()[1], tmp_path, case.id
    finally:
        process.terminate()
        assert process.wait(30) == 0
        assert process.stderr is not None
        process.stderr.close()


def test_client(server: tuple[str, Path, str]) -> None:
    url, folder, case = server
    with pytest.raises(RemoteError, match="401"), Client(url, token="wrong") as stranger:
        stranger.machines()
    with Client(url, token=TOKEN) as client:
        assert {one["machine"] for one in client.machines()} == {"pump", "fan"}
        assert len(client.scores("pump", resolution="minute")["time"]) >= 9
        assert [one["id"] for one in client.cases(state="open")] == [case]
        assert client.acknowledge(case, "seen")["acknowledged_by"] == "historian"
        with pytest.raises(RemoteError, match="there is no machine 'none'"):
            client.scores("none")
        _check_live(client, folder, case)


def _check_live(client: Client, folder: Path, case: str) -> None:
    bus, publisher = EventBus(), LivePublisher(folder / "state")
    publisher.subscribe(bus, "pump", 32, None)
    begun, over = threading.Event(), threading.Event()

    def publish() -> None:
        number = 0
        while not over.wait(0.2):
            bus.publish(SecondRecord("pump", 1.8e9 + number, number, 1.0, 0.5, "OK", "ok", -30.0))
            if number == 8:
                begun.set()
                with Store.open(folder / "state" / DATABASE_NAME, create=False) as store:
                    store.cases.comment(case, "by another program", "anna")
            number += 1

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        seen = set()
        for name, content in client.live("pump"):
            seen.add(name)
            if name == "case":
                assert json.loads(json.dumps(content))["detail"]["note"] == "by another program"
            if {"score", "case"} <= seen:
                break
    finally:
        over.set()
        thread.join()
        publisher.close()
