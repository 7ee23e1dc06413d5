"""One connection of the HTTP endpoint of answers: its head and body are checked before the answer is taken."""

from __future__ import annotations

import io
import json
import socket
import socketserver
from collections.abc import Mapping
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from anomaly.alerts.answers.answer_handler import AnswerHandler, AnswerResult, SignedAnswer, refusal
from anomaly.alerts.answers.connection_limit import ConnectionLimit
from anomaly.alerts.answers.request_reader import RequestReader, RequestTooLongError
from anomaly.alerts.answers.strict_json import LARGEST_BYTES
from anomaly.alerts.signature import KEY_HEADER, SIGNATURE_HEADER

PATH = "/answers"
_LARGEST_HEAD_BYTES = 8 << 10
# A commit to a busy disk may take this long; the answer is repeated with its key then.
_STORE_S = 20.0
SEND_S = 5.0
# What a client still sends after a refusal is read for so long, so that the refusal reaches it.
_LINGER_S, _LINGER_BYTES = 1.0, 256 << 10


class AnswerServer(socketserver.ThreadingTCPServer):
    """Server of answers: a thread for each connection, no more of them than its limit.

    Args:
        address: host and port.
        answers: takes the answers.
        limit: of connections.
        request_s: seconds for a whole request.

    Raises:
        OSError: the address cannot be used.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(
        self, address: tuple[str, int], answers: AnswerHandler, limit: ConnectionLimit, request_s: float
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.answers, self.limit, self.request_s = answers, limit, request_s
        super().__init__((address[0].strip("[]"), address[1]), AnswerRequestHandler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread, or close it where there are too many."""
        if self.limit.claim(request):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection and give its place to another."""
        self.limit.release(request)
        super().shutdown_request(request)

    def handle_error(self, *_: object) -> None:
        """Log nothing: a client that disconnects is no error here."""


class AnswerRequestHandler(BaseHTTPRequestHandler):
    """Serves one connection of an `AnswerServer`: one answer, or one refusal."""

    server: AnswerServer

    def setup(self) -> None:
        """Read through a reader with limits of size and time."""
        super().setup()
        self.rfile.close()
        reader = RequestReader(self.connection, _LARGEST_HEAD_BYTES + LARGEST_BYTES, self.server.request_s)
        self.rfile = io.BufferedReader(reader, 1024)

    def handle(self) -> None:
        """Serve one request; a head that is too long is refused."""
        self.requestline, self.request_version, self.command = "", "HTTP/1.0", ""
        try:
            self.handle_one_request()
        except RequestTooLongError:
            words = "the head of the request is too long"
            self._send(refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, words))

    def do_POST(self) -> None:
        """Take an answer."""
        found = self._refused_head() or self._read()
        self.server.limit.received(self.connection)
        self._send(found if isinstance(found, AnswerResult) else self._answered(found))

    def parse_request(self) -> bool:
        """Read the head; every method but POST is refused."""
        if not super().parse_request():
            return False
        if self.command == "POST":
            return True
        self.server.limit.received(self.connection)
        words = "answers are sent by POST"
        self._send(refusal(HTTPStatus.METHOD_NOT_ALLOWED, words), {"Allow": "POST"})
        return False

    def _refused_head(self) -> AnswerResult | None:
        """Return the refusal of a request whose head shows that it is no answer."""
        if self.path != PATH:
            return refusal(HTTPStatus.NOT_FOUND, f"answers are taken at {PATH}")
        if self.headers.get_content_type() != "application/json":
            return refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json")
        lengths = self.headers.get_all("Content-Length") or []
        if "Transfer-Encoding" in self.headers or not lengths:
            return refusal(HTTPStatus.LENGTH_REQUIRED, "Content-Length is missing")
        if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
            return refusal(HTTPStatus.BAD_REQUEST, "Content-Length is no number of bytes")
        if len(lengths[0]) > 9 or int(lengths[0]) > LARGEST_BYTES:
            words = f"the body is longer than {LARGEST_BYTES} bytes"
            return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words)
        return None

    def _read(self) -> SignedAnswer | AnswerResult:
        length = int(self.headers["Content-Length"])
        try:
            body = self.rfile.read(length)
        except TimeoutError:
            return refusal(HTTPStatus.REQUEST_TIMEOUT, "the request takes too long")
        if len(body) < length:
            return refusal(HTTPStatus.BAD_REQUEST, "the body is shorter than Content-Length")
        signature = self.headers.get(SIGNATURE_HEADER, "")
        return SignedAnswer(body, signature, "http", self.headers.get(KEY_HEADER))

    def _answered(self, signed: SignedAnswer) -> AnswerResult:
        try:
            return self.server.answers.submit(signed).result(_STORE_S)
        except (FutureTimeoutError, CancelledError, RuntimeError):
            words = "the answer is not stored yet: try again with the same id"
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, words)

    def _send(self, result: AnswerResult, headers: Mapping[str, str] | None = None) -> None:
        body = json.dumps(result.content).encode() + b"\n"
        fields = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        fields |= {"Connection": "close", "Cache-Control": "no-store", **(headers or {})}
        if result.repeated:
            fields["Idempotent-Replayed"] = "true"
        with suppress(OSError):
            self.connection.settimeout(SEND_S)
            self.send_response(result.status)
            for name, value in fields.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            _linger(self.connection)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send the refusal of a request that cannot be read."""
        self.server.limit.received(self.connection)
        self._send(refusal(HTTPStatus(code), message or explain or "the request cannot be read"))

    def version_string(self) -> str:
        """Return the name of the server without versions."""
        return "anomaly"

    def log_message(self, *_: object) -> None:
        """Log nothing: stderr belongs to the command."""


def _linger(connection: socket.socket) -> None:
    """Read what still arrives for a moment: a connection closed before that would be reset, and the refusal lost."""
    connection.shutdown(socket.SHUT_WR)
    rest = RequestReader(connection, _LINGER_BYTES, _LINGER_S)
    with suppress(RequestTooLongError):
        while rest.read(16 << 10):
            continue
