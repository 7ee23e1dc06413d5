"""From site.yaml to sinks: every key arrives, secrets come from outside the file, kinds load late."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anomaly.alerts import build_sink, build_sinks
from anomaly.alerts.sinks import Sink, SinkError, configured_sinks, installed_kinds, probe_tcp
from anomaly.alerts.sinks.registry import InstalledKind, SinkKind, sink_kind
from anomaly.config import Site
from anomaly.errors import ConfigError

HOOK = {"name": "plant", "url": "https://plant.example/hook"}
BROKER = {"name": "house", "host": "broker.example"}


def site(webhook: list[dict[str, Any]] | None = None, mqtt: list[dict[str, Any]] | None = None) -> Site:
    return Site.model_validate(
        {"machines": {"pump": {"device": "hw:0"}}, "sinks": {"webhook": webhook or [], "mqtt": mqtt or []}}
    )


def close(*sinks: Sink) -> None:
    for sink in sinks:
        sink.close()


def test_in_the_order_of_the_file() -> None:
    sinks = build_sinks(site([HOOK, HOOK | {"name": "two"}], [BROKER]), {})
    assert [sink.name for sink in sinks] == ["plant", "two", "house"]
    close(*sinks)
    assert build_sinks(Site()) == []


def test_every_key_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(
        "anomaly.alerts.sinks.mqtt.mqtt_sink.MqttSink", lambda name, host, **keys: given.update(keys)
    )
    (tmp_path / "password").write_text("s3cret\n")
    keys = {
        "port": 1, "topic": "t", "discovery": "d", "username": "ann", "tls": True, "ca_file": tmp_path / "ca",
        "protocol": "3.1.1", "timeout_s": 3, "password_file": tmp_path / "password",
    }  # fmt: skip
    build_sinks(site(mqtt=[BROKER | keys]))
    assert given == {
        "port": 1, "topic": "t", "discovery_prefix": "d", "machines": ("pump",), "username": "ann", "tls": True,
        "password": "s3cret", "ca_file": tmp_path / "ca", "protocol": "3.1.1", "timeout_s": 3.0,
        "test_only": False,
    }  # fmt: skip


def test_a_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(
        "anomaly.alerts.sinks.webhook.webhook_sink.WebhookSink", lambda name, url, **keys: given.update(keys)
    )
    build_sinks(site([HOOK | {"secret_env": "HOOK_SECRET"}]), {"HOOK_SECRET": "s3cret"})
    assert given["secret"] == b"s3cret"
    build_sinks(site([HOOK]), {})
    assert given["secret"] is None


def test_a_secret_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for keys, problem in (
        ({"secret_env": "HOOK_SECRET"}, "the secret is empty: environment variable HOOK_SECRET"),
        ({"secret_file": tmp_path / "none"}, "the secret cannot be read"),
        ({"secret_file": tmp_path / "empty"}, "the secret is empty"),
    ):
        with pytest.raises(ConfigError, match=problem) as caught:
            build_sinks(site([HOOK | keys]), {})
        assert str(caught.value).startswith("webhook plant: ")


def test_a_sink_by_name() -> None:
    both = site([HOOK], [BROKER])
    for name in ("plant", "house"):
        found = build_sink(both, name, {})
        assert found.name == name
        found.close()
    with pytest.raises(ConfigError, match="there is no sink 'none'") as caught:
        build_sink(both, "none")
    assert caught.value.hint == "sinks of this site: plant, house"


def test_the_registry_loads_no_library_of_a_sink() -> None:
    code = (
        "import sys, anomaly.alerts, anomaly.alerts.sinks.registry as r; r.sink_kind_names();"
        "print([m for m in ('httpx', 'paho', 'numpy', 'smtplib') if m in sys.modules]);"
        "r.installed_kinds();"
        "print([m for m in ('httpx', 'paho', 'numpy', 'smtplib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n[]\n"


def test_installed_kinds() -> None:
    assert installed_kinds() == [
        InstalledKind("webhook", "web hooks", "anomaly"),
        InstalledKind("mqtt", "MQTT brokers", "anomaly"),
        InstalledKind("alertmanager", "Prometheus Alertmanagers", "anomaly"),
        InstalledKind("cmms", "work orders in maintenance systems", "anomaly"),
        InstalledKind("syslog", "syslog servers", "anomaly"),
        InstalledKind("email", "mail over SMTP", "anomaly"),
        InstalledKind("apprise", "services that Apprise knows", "anomaly"),
        InstalledKind("opcua", "OPC UA servers in the monitor", "anomaly"),
        InstalledKind("sparkplug", "MQTT brokers with Sparkplug B", "anomaly"),
    ]
    assert all(isinstance(sink_kind(kind.name), SinkKind) for kind in installed_kinds())


def test_an_entry_point_to_something_else(install_package: Callable[..., Path]) -> None:
    install_package("acme-chat", "CHAT = 1\n", "[anomaly.sinks]\nchat = acme_chat:CHAT\n")
    with pytest.raises(ConfigError, match="acme-chat: the kind of sink 'chat' is no SinkKind"):
        sink_kind("chat")


def test_probes_of_web_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    probed: list[tuple[str, int]] = []

    def probe(host: str, port: int) -> str:
        probed.append((host, port))
        return "answers"

    kind = "anomaly.alerts.sinks.webhook.webhook_kind"
    monkeypatch.setattr(f"{kind}.probe_tcp", probe)
    monkeypatch.setattr(f"{kind}.checked_addresses", lambda *_, **__: [])
    hooks = [
        HOOK,
        HOOK | {"name": "b", "url": "http://b.example"},
        HOOK | {"name": "c", "url": "http://c:81/"},
    ]
    assert [sink.probe() for sink in configured_sinks(site(hooks))] == ["answers"] * 3
    assert probed == [("plant.example", 443), ("b.example", 80), ("c", 81)]


def test_probe_of_an_address_that_does_not_answer() -> None:
    with pytest.raises(SinkError, match=r"127\.0\.0\.1:1 does not answer"):
        probe_tcp("127.0.0.1", 1)
