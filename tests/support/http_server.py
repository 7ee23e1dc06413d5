"""HTTP server on this computer that notes all requests and answers, hangs or breaks off as a test wants it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from support.mqtt_broker import free_port


@dataclass(frozen=True)
class Request:
    """Request as it came; names of headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """Answer to a request.

    Args:
        status: code.
        body: text, or something to send as JSON.
        headers: beside the usual ones.
        hang: send nothing until the server is stopped.
        cut: close the connection in the middle of the body.
        twice: send the answer two times.
    """

    status: int = 200
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False
    cut: bool = False
    twice: bool = False


class HttpServer:
    """Server at a free port while the test runs.

    Attributes:
        requests: all that came, in their order.
        answer: makes the answer to a request.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Answer] = lambda _: Answer()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._stopping = threading.Event()
        self._server: _Server | None = None
        self.start()

    def start(self) -> None:
        self._stopping.clear()
        self._server = _Server(("127.0.0.1", self.port), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def wait_for_stop(self) -> None:
        self._stopping.wait(10)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Write nothing: clients break off on purpose."""


def _handler(server: HttpServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def _any(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            body = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, body)
            answer = server.answer(request)
            server.requests.append(request)
            if answer.hang:
                server.wait_for_stop()
                return
            for _ in range(2 if answer.twice else 1):
                self._send(answer)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815

        def _send(self, answer: Answer) -> None:
            text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            content = text.encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(content) + (100 if answer.cut else 0)))
            self.end_headers()
            self.wfile.write(content)
            if answer.cut:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    return Handler


@pytest.fixture
def http_server() -> Iterator[HttpServer]:
    started = HttpServer()
    yield started
    started.stop()
