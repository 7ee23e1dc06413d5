"""Fixtures of the alerts."""

from __future__ import annotations

from support.alert_store import clock, make_case, make_message, path, store
from support.mqtt_broker import broker, listener, start_broker

__all__ = ["broker", "clock", "listener", "make_case", "make_message", "path", "start_broker", "store"]
