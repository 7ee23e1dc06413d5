"""From site.yaml to sinks: every key arrives, secrets come from outside the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anomaly.alerts import build_sink, build_sinks
from anomaly.alerts.sinks import Sink
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
    monkeypatch.setattr("anomaly.alerts.sinks.mqtt.MqttSink", lambda name, host, **keys: given.update(keys))
    (tmp_path / "password").write_text("s3cret\n")
    keys = {
        "port": 1, "topic": "t", "discovery": "d", "username": "ann", "tls": True, "ca_file": tmp_path / "ca",
        "protocol": "3.1.1", "timeout_s": 3, "password_file": tmp_path / "password",
    }  # fmt: skip
    build_sinks(site(mqtt=[BROKER | keys]))
    assert given == {
        "port": 1, "topic": "t", "discovery_prefix": "d", "machines": ("pump",), "username": "ann", "tls": True,
        "password": "s3cret", "ca_file": tmp_path / "ca", "protocol": "3.1.1", "timeout_s": 3.0,
    }  # fmt: skip


def test_a_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(
        "anomaly.alerts.sinks.webhook.WebhookSink", lambda name, url, **keys: given.update(keys)
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


def test_one_by_name() -> None:
    both = site([HOOK], [BROKER])
    for name in ("plant", "house"):
        found = build_sink(both, name, {})
        assert found.name == name
        found.close()
    with pytest.raises(ConfigError, match="there is no sink 'none'") as caught:
        build_sink(both, "none")
    assert caught.value.hint == "sinks of this site: plant, house"
