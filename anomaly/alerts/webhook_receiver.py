"""Web hook receiver on this machine, for the demo, for tests, and to rehearse an outage."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from anomaly.alerts.signature import KEY_HEADER, SIGNATURE_HEADER, is_genuine

LARGEST_BODY_BYTES = 1 << 20
_SOCKET_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """Request that the receiver has accepted.

    Args:
        key: its idempotency key.
        headers: its headers, names in lower case.
        body: the JSON it carried.
        repeated: True if this key had been accepted before.
    """

    key: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    repeated: bool

    @property
    def message(self) -> Mapping[str, Any]:
        """Alert message, in either mode of CloudEvents."""
        data = self.body.get("data", self.body)
        return data if isinstance(data, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer to give instead of accepting a request, to test the reaction of a sink."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    after_s: float = 0.0


class WebhookReceiver:
    """Listens on 127.0.0.1 at a free port while its ``with`` block runs.

    Example:
        >>> with WebhookReceiver(secret=b"s3cret") as receiver:
        ...     receiver.url.startswith("http://127.0.0.1:")
        True

    Args:
        secret: key of the signature that requests must carry; without it none is required.
        largest_body_bytes: longer bodies are refused.
        port: a fixed port instead of a free one.
    """

    def __init__(
        self, secret: bytes | None = None, *, largest_body_bytes: int = LARGEST_BODY_BYTES, port: int = 0
    ) -> None:
        self._secret = secret
        self._largest = largest_body_bytes
        self._changed = threading.Condition()
        self._deliveries: list[Delivery] = []
        self._replies: list[Reply] = []
        self._server = _Server(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        """The port it listens at."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The address to configure."""
        return f"http://127.0.0.1:{self.port}/alerts"

    @property
    def deliveries(self) -> list[Delivery]:
        """All accepted requests, repetitions too, in their order."""
        with self._changed:
            return list(self._deliveries)

    @property
    def messages(self) -> list[Mapping[str, Any]]:
        """Alert messages, each once, in their order."""
        return [delivery.message for delivery in self.deliveries if not delivery.repeated]

    def plan(self, *replies: Reply) -> None:
        """Answer the next requests with these replies; after that, accept again."""
        with self._changed:
            self._replies.extend(replies)

    def wait_for(self, count: int, timeout_s: float) -> bool:
        """Wait until ``count`` different messages have arrived; return whether they have."""
        with self._changed:
            return self._changed.wait_for(
                lambda: sum(not d.repeated for d in self._deliveries) >= count, timeout_s
            )

    def __enter__(self) -> WebhookReceiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """Check one request, and keep it if it is valid."""
        with self._changed:
            if self._replies:
                return self._replies.pop(0)
        claimed = headers.get(SIGNATURE_HEADER.lower(), "")
        if self._secret is not None and not is_genuine(self._secret, body, claimed):
            return Reply(HTTPStatus.UNAUTHORIZED, body="the signature is missing or wrong")
        try:
            parsed = json.loads(body)
        except (ValueError, RecursionError):
            parsed = None
        key = headers.get(KEY_HEADER.lower(), "")
        if not isinstance(parsed, dict) or not key:
            return Reply(HTTPStatus.BAD_REQUEST, body="a JSON object and an idempotency key are needed")
        with self._changed:
            known = any(delivery.key == key for delivery in self._deliveries)
            self._deliveries.append(Delivery(key, headers, parsed, known))
            self._changed.notify_all()
        return Reply(HTTPStatus.NO_CONTENT)

    def too_long(self, size: int) -> bool:
        """Return whether a body of this size is refused."""
        return size > self._largest


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # the default of 5 refuses connections of a burst of alerts

    def handle_error(self, *_: object) -> None:
        """Log nothing: a client that disconnects is no error here, and stderr belongs to the command."""


def _handler(receiver: WebhookReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _SOCKET_TIMEOUT_S

        def do_POST(self) -> None:
            self._send(self._check())

        def _check(self) -> Reply:
            length = self.headers.get("Content-Length", "")
            if not (length.isascii() and length.isdigit()):
                return Reply(HTTPStatus.LENGTH_REQUIRED)
            if receiver.too_long(int(length)):
                return Reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            body = self.rfile.read(int(length))
            return receiver.answer({k.lower(): v for k, v in self.headers.items()}, body)

        def _send(self, reply: Reply) -> None:
            time.sleep(reply.after_s)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body.encode())))
            self.end_headers()
            self.wfile.write(reply.body.encode())

        def log_message(self, *_: object) -> None:
            """Log nothing: stderr belongs to the command."""

    return Handler
