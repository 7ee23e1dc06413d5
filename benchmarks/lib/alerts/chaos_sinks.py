"""Sinks of the chaos benchmark: one of each kind, whose other side is at a port of this computer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from anomaly.alerts.sinks import Sink, SinkContext
from anomaly.alerts.sinks.registry import sink_kind
from anomaly.config import Site

SECRET = b"chaos"
TIMEOUT_S = 1.0
_VARIABLES = {"SECRET": SECRET.decode()}

# The work orders hold what the count needs: the key of the message.
_ORDER = {"message": "${message}", "case": "${case}"}
_CMMS: dict[str, Any] = {
    "preset": "custom",
    "lookup": {
        "method": "GET",
        "path": "/orders?case=${case}",
        "items": "orders",
        "key": "case",
        "contains": "${case}",
        "id": "number",
    },
    "create": {"method": "POST", "path": "/orders", "id": "number", "body": _ORDER},
    "update": {"method": "PATCH", "path": "/orders/${order}", "body": _ORDER},
}
_SETTINGS: Mapping[str, Callable[[int], dict[str, Any]]] = {
    "webhook": lambda port: {"url": f"http://127.0.0.1:{port}/alerts", "secret_env": "SECRET"},
    "mqtt": lambda port: {"host": "127.0.0.1", "port": port, "discovery": ""},
    "email": lambda port: {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "anomaly@plant.example",
        "recipients": ["crew@plant.example"],
        "picture": False,
    },
    "syslog": lambda port: {"host": "127.0.0.1", "port": port, "transport": "tcp"},
    "alertmanager": lambda port: {
        "url": f"http://127.0.0.1:{port}",
        "resend_s": 1_000.0,
        "expires_s": 3_600.0,
    },
    "cmms": lambda port: {"url": f"http://127.0.0.1:{port}", **_CMMS},
    "apprise": lambda port: {"address_env": "ADDRESS"},
    "sparkplug": lambda port: {"host": "127.0.0.1", "port": port},
    "opcua": lambda port: {
        "port": port,
        "users": [{"username": "scada", "password_env": "SECRET"}],
        "trust_all_clients": True,
    },
}
KINDS = tuple(_SETTINGS)
"""Kinds of sinks that the benchmark covers."""
_HTTP = ("webhook", "cmms", "alertmanager")
# Sinks that keep something beside the database.
_KEEPING = ("sparkplug", "opcua")


def sink(kind: str, port: int, folder: Path) -> Sink:
    """Make a sink whose other side is at a port of this computer.

    Args:
        kind: of the sink.
        port: of its other side; OPC UA listens there itself.
        folder: of the database.
    """
    settings = {"name": kind, "timeout_s": TIMEOUT_S} | _SETTINGS[kind](port)
    if kind in _HTTP:
        settings["allow_private"] = True
    declared = sink_kind(kind)
    environ = _VARIABLES | {"ADDRESS": f"json://127.0.0.1:{port}/"}
    site = Site.model_validate({"state_dir": folder}) if kind in _KEEPING else None
    return declared.build(declared.config.model_validate(settings), SinkContext(environ=environ, site=site))
