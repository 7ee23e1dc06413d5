"""Other sides of sinks whose receivers know no keys in the chaos benchmark: a mail server and a syslog server."""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from collections.abc import Mapping
from email import message_from_bytes
from typing import Any

Message = Mapping[str, Any]


class EmailSide:
    """SMTP server that takes every mail."""

    kind = "email"
    keyed = False
    doubled = 0

    def __init__(self) -> None:
        from aiosmtpd.controller import Controller

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._keys: list[str] = []
        self._controller = Controller(self, "127.0.0.1", self.port)

    @property
    def messages(self) -> list[Message]:
        """All that arrived."""
        return [{"id": key} for key in list(self._keys)]

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a mail."""
        self._keys.append(str(message_from_bytes(envelope.content)["X-Anomaly-Message"]))
        return "250 OK"

    def __enter__(self) -> EmailSide:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


class SyslogSide:
    """Syslog server over TCP that keeps whole lines."""

    kind = "syslog"
    keyed = False
    doubled = 0

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._server = _LineServer(("127.0.0.1", 0), _handler(self._keys))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        """Port at which it listens."""
        return int(self._server.server_address[1])

    @property
    def messages(self) -> list[Message]:
        """All that arrived."""
        return [{"id": key} for key in list(self._keys)]

    def __enter__(self) -> SyslogSide:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _LineServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Write nothing: connections are cut on purpose."""


def _handler(keys: list[str]) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        timeout = 10.0

        def handle(self) -> None:
            while (length := self._length()) is not None:
                line = self.rfile.read(length)
                found = re.search(rb' id="(\w+)"', line)
                # A line that was cut in the middle was not taken.
                if len(line) < length or found is None:
                    return
                keys.append(found[1].decode())

        def _length(self) -> int | None:
            digits = b""
            while (byte := self.rfile.read(1)).isdigit():
                digits += byte
            return int(digits) if digits else None

    return Handler
