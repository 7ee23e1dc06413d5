"""Other sides of sinks that post JSON in the chaos benchmark: Alertmanager, a maintenance system, a chat service."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Message = Mapping[str, Any]
Reply = tuple[int, Any]


class HttpSide:
    """HTTP server at a free port while its ``with`` block runs; a kind of receiver says what it answers.

    Attributes:
        kind: of the sink.
        keyed: the receiver knows repetitions by their key.
    """

    kind = ""
    keyed = True

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: list[Message] = []
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        """Port at which it listens."""
        return int(self._server.server_address[1])

    @property
    def messages(self) -> list[Message]:
        """All that arrived."""
        with self._lock:
            return list(self._messages)

    @property
    def doubled(self) -> int:
        """Number of things that exist twice at the receiver."""
        return 0

    def answer(self, method: str, path: str, body: Any) -> Reply:
        """Take a request in this receiver's way; return status and JSON."""
        raise NotImplementedError

    def __enter__(self) -> HttpSide:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class AlertmanagerSide(HttpSide):
    """Receiver of alerts as Alertmanager takes them; the same alert sent again is the same state."""

    kind = "alertmanager"

    def answer(self, method: str, path: str, body: Any) -> Reply:
        """Take a list of alerts; those that are only sent again name no message."""
        if method == "POST" and body and "message_id" in body[0]["annotations"]:
            with self._lock:
                self._messages.append({"id": body[0]["annotations"]["message_id"]})
        return 200, {}


class CmmsSide(HttpSide):
    """Maintenance system that makes a work order whenever it is asked to, and finds those of a case."""

    kind = "cmms"

    def __init__(self) -> None:
        super().__init__()
        self._cases: list[str] = []

    @property
    def doubled(self) -> int:
        """Number of work orders beyond one per case."""
        with self._lock:
            return sum(times - 1 for times in Counter(self._cases).values())

    def answer(self, method: str, path: str, body: Any) -> Reply:
        """Search, make or change a work order."""
        with self._lock:
            if method == "GET":
                case = parse_qs(urlsplit(path).query).get("case", [""])[0]
                found = [n for n, known in enumerate(self._cases) if known == case]
                return 200, {"orders": [{"number": number + 1, "case": case} for number in found]}
            self._messages.append({"id": body["message"]})
            if method == "POST":
                self._cases.append(body["case"])
                return 201, {"number": len(self._cases)}
            return 200, {}


class AppriseSide(HttpSide):
    """Service that shows what it gets, as often as it gets it."""

    kind = "apprise"
    keyed = False

    def answer(self, method: str, path: str, body: Any) -> Reply:
        """Take a message; its last line ends with the key."""
        found = re.search(r"(\w{32})\s*$", str(body.get("message", "")))
        if found is None:
            return 400, {}
        with self._lock:
            self._messages.append({"id": found[1]})
        return 200, {}


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Write nothing: connections are cut on purpose."""


def _handler(side: HttpSide) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10.0

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            if len(body) < length:
                return  # cut on the way: nothing was taken
            status, content = side.answer(self.command, self.path, json.loads(body) if body else None)
            reply = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        do_GET = do_POST = do_PATCH = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    return Handler
