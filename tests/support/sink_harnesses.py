"""Harnesses for the contract of sinks: each kind with a real server on this computer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from anomaly.alerts.sinks import Sink, SinkContext
from anomaly.alerts.sinks.alertmanager.alertmanager_kind import ALERTMANAGER
from anomaly.alerts.sinks.apprise.apprise_kind import APPRISE
from anomaly.alerts.sinks.cmms.kind import CMMS
from anomaly.alerts.sinks.email.email_kind import EMAIL
from anomaly.alerts.sinks.opcua.condition import message_id_of
from anomaly.alerts.sinks.opcua.opcua_kind import OPCUA
from anomaly.alerts.sinks.opcua.opcua_sink import OpcUaSink
from anomaly.alerts.sinks.syslog.syslog_kind import SYSLOG
from support.alertmanager import PASSWORD, Alertmanager, NotingProxy
from support.certificate import Certificate
from support.http_server import Answer, HttpServer
from support.mail_receiver import MailReceiver
from support.maintenance_system import MaintenanceSystem
from support.mqtt_broker import free_port
from support.opcua_client import OpcUaClient
from support.syslog_receiver import SyslogReceiver
from support.waiting import wait_until

SECRET = "a-secret-that-must-not-show"


class Server(Protocol):
    """Server that can be stopped and started again at its port."""

    port: int

    def start(self) -> None: ...

    def stop(self) -> None: ...


class ServerHarness:
    """Part that the harnesses of all kinds with a server share."""

    secret = SECRET
    fields = frozenset({"id", "event", "machine"})
    server: Server
    _deaf: socket.socket | None = None

    def build(self) -> Sink:
        raise NotImplementedError

    def received(self) -> list[Mapping[str, Any]]:
        raise NotImplementedError

    def refuse(self) -> bool | None:
        raise NotImplementedError

    def stop_receiver(self) -> None:
        self.server.stop()

    def start_receiver(self) -> None:
        self.server.start()

    def hang(self) -> bool:
        self.server.stop()
        self._deaf = socket.create_server(("127.0.0.1", self.server.port))
        return True

    def close(self) -> None:
        if self._deaf is not None:
            self._deaf.close()


class EmailHarness(ServerHarness):
    secret = SECRET

    def __init__(self, start: Callable[..., MailReceiver], certificate: Certificate) -> None:
        self._receiver = self.server = start(certificate=certificate, account=("anomaly", SECRET))
        self._ca_file = certificate.cert

    def build(self) -> Sink:
        keys = {"sender": "a@plant.example", "recipients": ["b@plant.example"], "timeout_s": 1}
        account = {"username": "anomaly", "password_env": "PASSWORD", "ca_file": self._ca_file}
        server = {"name": "contract", "host": "127.0.0.1", "port": self._receiver.port}
        settings = EMAIL.config.model_validate(server | account | keys)
        return EMAIL.build(settings, SinkContext(environ={"PASSWORD": SECRET}))

    def received(self) -> list[Mapping[str, Any]]:
        names = {name: f"X-Anomaly-{'Message' if name == 'id' else name}" for name in self.fields}
        return [{name: mail[header] for name, header in names.items()} for mail in self._receiver.mails]

    def refuse(self) -> None:
        self._receiver.account = ("anomaly", "another")


class AlertmanagerHarness(ServerHarness):
    secret = PASSWORD

    def __init__(self, alertmanager: Alertmanager, proxy: NotingProxy) -> None:
        self._alertmanager, self._proxy = alertmanager, proxy
        self.server = proxy

    def build(self) -> Sink:
        account = {"username": "anomaly", "password_env": "PASSWORD"}
        server = {"name": "contract", "url": f"http://127.0.0.1:{self._proxy.port}", "timeout_s": 1}
        settings = ALERTMANAGER.config.model_validate(server | account)
        return ALERTMANAGER.build(settings, SinkContext(environ={"PASSWORD": PASSWORD}))

    def received(self) -> list[Mapping[str, Any]]:
        # Open cases that are only sent again belong to no message.
        alerts = [alerts[0] for alerts in self._proxy.confirmed if "message_id" in alerts[0]["annotations"]]
        return [
            {
                "id": alert["annotations"]["message_id"],
                "event": alert["annotations"]["event"],
                "machine": alert["labels"]["machine"],
            }
            for alert in alerts
        ]

    def refuse(self) -> None:
        self._alertmanager.refuse_password()


class CmmsHarness(ServerHarness):
    """Work orders that hold what the contract compares; a test of this kind leaves none."""

    tests_arrive = False

    def __init__(self, server: HttpServer) -> None:
        self._system = MaintenanceSystem("servicenow", server, token=SECRET)
        self.server = server

    def build(self) -> Sink:
        body = {"id": "${message}", "event": "${event}", "machine": "${machine}", "correlation_id": "${case}"}
        path = "/api/now/table/wm_order"
        requests = {
            "create": {"method": "POST", "path": path, "id": "result.sys_id", "body": body},
            "update": {"method": "PATCH", "path": f"{path}/${{order}}", "body": body},
        }
        account = {"url": self._system.server.url, "token_env": "TOKEN", "preset": "servicenow"}
        settings = {"name": "contract", "timeout_s": 1, "allow_private": True} | account | requests
        return CMMS.build(CMMS.config.model_validate(settings), SinkContext(environ={"TOKEN": SECRET}))

    def received(self) -> list[Mapping[str, Any]]:
        return [{name: one.json[name] for name in self.fields} for one in self._system.changes]

    def refuse(self) -> None:
        self._system.fail = lambda _: Answer(401, "who are you?")


class AppriseHarness(ServerHarness):
    """Its plug-in for JSON; the last line of a message names what the contract compares."""

    def __init__(self, server: HttpServer) -> None:
        self._http = server
        self.server = server

    def build(self) -> Sink:
        settings = APPRISE.config.model_validate({"name": "contract", "address_env": "A", "timeout_s": 1})
        address = f"json://ann:{SECRET}@127.0.0.1:{self._http.port}"
        return APPRISE.build(settings, SinkContext(environ={"A": address}))

    def received(self) -> list[Mapping[str, Any]]:
        lines = [one.json["message"].splitlines()[-1].split() for one in self._http.requests]
        return [{"event": event, "machine": machine, "id": number} for event, machine, number in lines]

    def refuse(self) -> None:
        self._http.answer = lambda _: Answer(401)


class OpcUaHarness:
    """The sink is the server; the other side is a client, which tries to connect until the server is there."""

    secret = SECRET
    fields = frozenset({"id", "machine"})

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self._client = OpcUaClient(self._port, folder / "client", "ann", SECRET)
        self._wanted, self._closing, self._hangs = threading.Event(), threading.Event(), False
        self._wanted.set()
        self._keeper = threading.Thread(target=self._keep_connected)
        self._keeper.start()

    def build(self) -> Sink:
        users = [{"username": "ann", "password_env": "PASSWORD"}]
        keys = {"name": "contract", "port": self._port, "timeout_s": 1, "trust_all_clients": True}
        settings = OPCUA.config.model_validate(keys | {"users": users, "folder": self._folder / "server"})
        sink = OPCUA.build(settings, SinkContext(environ={"PASSWORD": SECRET}))
        assert isinstance(sink, OpcUaSink)
        sink.publish_open_cases([])
        if self._wanted.is_set():
            wait_until(lambda: self._client.is_subscribed)
        return sink

    def received(self) -> list[Mapping[str, Any]]:
        events = list(self._client.events)
        return [{"id": message_id_of(one.EventId), "machine": one.SourceName} for one in events]

    def stop_receiver(self) -> None:
        self._wanted.clear()
        wait_until(lambda: not self._client.is_subscribed)

    def start_receiver(self) -> None:
        self._wanted.set()

    def hang(self) -> bool:
        self._hangs = True
        return True

    def refuse(self) -> bool:
        return False

    def close(self) -> None:
        self._closing.set()
        self._keeper.join()
        self._client.close()

    def _keep_connected(self) -> None:
        while not self._closing.wait(0.02):
            if self._client.is_subscribed:
                if not self._wanted.is_set():
                    self._client.disconnect()
            elif self._wanted.is_set():
                self._client.disconnect()
                with suppress(Exception):  # there is no server
                    self._client.connect()
                    self._client.subscribe()
                    if self._hangs:
                        self._client.ask_for_nothing()


class SyslogHarness(ServerHarness):
    secret = ""

    def __init__(
        self, start: Callable[..., SyslogReceiver], transport: str, certificate: Certificate
    ) -> None:
        self._transport = transport
        self._ca_file = certificate.cert if transport == "tls" else None
        self._receiver = self.server = start(transport, certificate if transport == "tls" else None)

    def build(self) -> Sink:
        server = {"name": "contract", "host": "127.0.0.1", "port": self._receiver.port, "timeout_s": 1}
        settings = server | {"transport": self._transport, "ca_file": self._ca_file}
        return SYSLOG.build(SYSLOG.config.model_validate(settings), SinkContext())

    def received(self) -> list[Mapping[str, Any]]:
        return [{name: line.data[name] for name in self.fields} for line in self._receiver.lines]

    def hang(self) -> bool:
        return self._transport != "udp" and super().hang()

    def refuse(self) -> bool:
        return False
