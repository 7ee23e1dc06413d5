"""Fixtures of the sinks: a broker with a subscriber, and a certificate."""

from __future__ import annotations

from support.certificate import certificate
from support.mqtt_broker import broker, listener, start_broker

__all__ = ["broker", "certificate", "listener", "start_broker"]
