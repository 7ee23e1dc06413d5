"""Fixtures for OPC UA: a sink on a free port, and clients that are closed in any case."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from anomaly.alerts.sinks import SinkContext
from anomaly.alerts.sinks.opcua.opcua_kind import OPCUA
from anomaly.alerts.sinks.opcua.opcua_sink import OpcUaSink
from anomaly.config import Site
from support.mqtt_broker import free_port
from support.opcua_client import OpcUaClient

MakeSink = Callable[..., OpcUaSink]
MakeClient = Callable[..., OpcUaClient]


@pytest.fixture(autouse=True)
def without_garbage_collection() -> Iterator[None]:
    """Half of the start of a server is spent on looking for garbage in its half a million objects."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    pump = {
        "device": "hw:0",
        "display_name": "Pump 1",
        "location": "Hall 3",
        "cmms_number": "A-17",
        "criticality": "high",
    }
    return Site.model_validate({"state_dir": str(tmp_path / "state"), "machines": {"pump": pump}})


@pytest.fixture
def make_sink(port: int, site: Site) -> Iterator[MakeSink]:
    made: list[OpcUaSink] = []

    def make(test_only: bool = False, **keys: Any) -> OpcUaSink:
        users = [{"username": "ann", "password_env": "A"}, {"username": "bob", "password_env": "B"}]
        usual = {"name": "scada", "port": port, "users": users, "trust_all_clients": True, "timeout_s": 1}
        context = SinkContext(
            tuple(site.machines), {"A": "s3cret", "B": "other"}, test_only=test_only, site=site
        )
        sink = OPCUA.build(OPCUA.config.model_validate(usual | keys), context)
        assert isinstance(sink, OpcUaSink)
        made.append(sink)
        return sink

    yield make
    for sink in made:
        sink.close()


@pytest.fixture
def make_client(port: int, tmp_path: Path) -> Iterator[MakeClient]:
    made: list[OpcUaClient] = []

    def make(**account: Any) -> OpcUaClient:
        made.append(OpcUaClient(port, tmp_path / "client", **account))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def listening(make_sink: MakeSink) -> OpcUaSink:
    """A sink whose server listens."""
    sink = make_sink()
    sink.publish_open_cases([])
    return sink


@pytest.fixture
def client(listening: OpcUaSink, make_client: MakeClient) -> OpcUaClient:
    """A client that has subscribed to events."""
    made = make_client()
    made.connect()
    made.subscribe()
    return made
