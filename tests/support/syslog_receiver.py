"""Syslog servers on this computer: UDP, TCP and TLS, with a reader of RFC 5424 that is strict."""

from __future__ import annotations

import contextlib
import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from support.certificate import Certificate
from support.mqtt_broker import free_port

_LINE = re.compile(
    r"<(?P<priority>[1-9]\d{0,2})>1 (?P<time>\S+) (?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<process>[!-~]{1,128})"
    r" (?P<event>[!-~]{1,32}) \[(?P<id>[!-~]+?)(?P<data>(?: [!-~]+?=\"(?:[^\"\\\]]|\\[\"\\\]])*\")*)\]"
    r" \ufeff(?P<words>.*)",
    re.DOTALL,
)
_PARAMETER = re.compile(r" ([!-~]+?)=\"((?:[^\"\\\]]|\\[\"\\\]])*)\"")


@dataclass(frozen=True)
class SyslogLine:
    """Parts of a line."""

    facility: int
    severity: int
    time: str
    host: str
    app: str
    event: str
    data: Mapping[str, str]
    words: str


def parsed(line: bytes) -> SyslogLine:
    found = _LINE.fullmatch(line.decode("utf-8"))
    assert found is not None, line
    assert found["id"] == "anomaly@32473"
    facility, severity = divmod(int(found["priority"]), 8)
    data = {name: re.sub(r"\\(.)", r"\1", value) for name, value in _PARAMETER.findall(found["data"])}
    return SyslogLine(
        facility, severity, found["time"], found["host"], found["app"], found["event"], data, found["words"]
    )


class SyslogReceiver:
    """Server at a free port that keeps the lines; it can be stopped and started again.

    Attributes:
        says_goodbye: end a TLS connection as the standard demands, which not every server does.
    """

    def __init__(self, transport: str, certificate: Certificate | None = None) -> None:
        self.transport = transport
        self.says_goodbye = True
        self.lines: list[SyslogLine] = []
        self.port = free_port()
        self._context: ssl.SSLContext | None = None
        if certificate is not None:
            self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._context.load_cert_chain(certificate.cert, certificate.key)
        self._server: socketserver.BaseServer | None = None
        self.start()

    def start(self) -> None:
        receiver = self

        class Datagram(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                receiver.lines.append(parsed(self.request[0]))

        class Stream(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while (
                    length := b"".join(iter(lambda: self.rfile.read(1), b" ")) if self.rfile.peek(1) else b""
                ):
                    receiver.lines.append(parsed(self.rfile.read(int(length))))

        class StreamServer(socketserver.ThreadingTCPServer):
            allow_reuse_address = True

            def get_request(self) -> tuple[socket.socket, Any]:
                connection, address = super().get_request()
                if receiver._context is not None:
                    connection = receiver._context.wrap_socket(connection, server_side=True)
                return connection, address

            def shutdown_request(self, request: Any) -> None:
                if isinstance(request, ssl.SSLSocket) and receiver.says_goodbye:
                    with contextlib.suppress(OSError):
                        request.unwrap()
                super().shutdown_request(request)

            def handle_error(self, *_: object) -> None:
                """Write nothing."""

        if self.transport == "udp":
            self._server = socketserver.UDPServer(("127.0.0.1", self.port), Datagram)
        else:
            self._server = StreamServer(("127.0.0.1", self.port), Stream)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()


@pytest.fixture
def start_syslog() -> Iterator[Callable[..., SyslogReceiver]]:
    started: list[SyslogReceiver] = []

    def start(transport: str, certificate: Certificate | None = None) -> SyslogReceiver:
        started.append(SyslogReceiver(transport, certificate))
        return started[-1]

    yield start
    for receiver in started:
        receiver.stop()
