"""`alerts test` and `config check --connect` for OPC UA: they leave nothing behind."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from anomaly.alerts.sinks import SinkContext, SinkError
from anomaly.alerts.sinks.harness import example_message
from anomaly.alerts.sinks.opcua.opcua_kind import OPCUA, OpcUaConfig, probe
from anomaly.alerts.sinks.opcua.opcua_sink import OpcUaSink
from anomaly.config import Site
from anomaly.errors import ConfigError
from support.opcua_client import OpcUaClient

MakeSink = Callable[..., OpcUaSink]


def config(port: int, **keys: object) -> OpcUaConfig:
    users = [{"username": "ann", "password_env": "A"}]
    return OpcUaConfig.model_validate({"name": "scada", "port": port, "users": users} | keys)


def context(site: Site, password: str = "s3cret") -> SinkContext:
    return SinkContext(tuple(site.machines), {"A": password}, site=site)


def test_no_monitor_runs(port: int, site: Site) -> None:
    assert probe(config(port), context(site)) == (
        f"127.0.0.1:{port} is free for the server, which the monitor starts; no event was sent"
    )
    assert not site.state_dir.exists()


def test_the_monitor_runs(listening: OpcUaSink, client: OpcUaClient, port: int, site: Site) -> None:
    found = probe(config(port), context(site))
    assert (
        found
        == f"the monitor's server at 127.0.0.1:{port} takes the user and shows 1 machine; no event was sent"
    )
    assert client.events == []


def test_a_test_sends_nothing(listening: OpcUaSink, client: OpcUaClient, make_sink: MakeSink) -> None:
    sink = make_sink(test_only=True)
    sink.deliver(example_message())
    assert "takes the user" in sink.last_answer
    sink.publish_open_cases([])
    assert client.events == []


def test_a_password_that_the_monitor_does_not_know(listening: OpcUaSink, port: int, site: Site) -> None:
    with pytest.raises(SinkError, match="is not the server of this site") as caught:
        probe(config(port), context(site, "another"))
    assert "another" not in f"{caught.value.hint}".replace("another port", "")
    assert "if the password has changed, restart the monitor" in str(caught.value.hint)


def test_another_program(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SinkError, match=f"another program listens at 127.0.0.1:{port}"):
            probe(config(port), context(site))


def test_another_program_in_the_place_of_the_server(listening: OpcUaSink, port: int, site: Site) -> None:
    listening.close()
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(SinkError, match="is not the server of this"),
    ):
        probe(config(port, timeout_s=0.5), context(site))


def test_an_address_of_another_computer(port: int, site: Site) -> None:
    with pytest.raises(SinkError, match=r"cannot listen at 192.0.2.1:\d+: Cannot assign requested address"):
        probe(config(port, host="192.0.2.1", timeout_s=0.5), context(site))


def test_a_folder_that_cannot_be_written(port: int, site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written: Not a directory"):
        probe(config(port, folder=tmp_path / "file" / "x"), context(site))


def test_a_missing_password(port: int, site: Site, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="opcua scada, user ann: the secret is empty"):
        OPCUA.build(config(port), SinkContext(environ={}, site=site))
