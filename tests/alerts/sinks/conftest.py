"""Fixtures of the sinks: servers to deliver to, and a certificate for them."""

from __future__ import annotations

from support.certificate import certificate
from support.mail_receiver import start_mail_receiver
from support.mqtt_broker import broker, listener, start_broker

__all__ = ["broker", "certificate", "listener", "start_broker", "start_mail_receiver"]
