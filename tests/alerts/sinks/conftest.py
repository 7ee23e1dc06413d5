"""Fixtures of the sinks: servers to deliver to, and a certificate for them."""

from __future__ import annotations

from support.alertmanager import alertmanager, noting_proxy
from support.certificate import certificate
from support.http_server import http_server
from support.mail_receiver import start_mail_receiver
from support.mqtt_broker import broker, listener, start_broker
from support.syslog_receiver import start_syslog

__all__ = [
    "alertmanager",
    "broker",
    "certificate",
    "http_server",
    "listener",
    "noting_proxy",
    "start_broker",
    "start_mail_receiver",
    "start_syslog",
]
