"""A local server that publishes files as Zenodo does, and fails as servers do."""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
import threading
import wave
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

Mishap = Callable[["Answer"], None]
"""Spoils one answer before it is sent."""


@dataclass
class Answer:
    """Answer that the server is about to send.

    Attributes:
        code: the status.
        headers: besides the length.
        body: all of it.
        sent: how many bytes of the body really go out before the connection breaks; None: all.
    """

    code: int
    headers: dict[str, str]
    body: bytes
    sent: int | None = None


@dataclass
class Zenodo:
    """State of the server: published files, planned failures, and requests.

    Attributes:
        base: its address.
        files: contents by record and name.
        records: what ``/api/records/<id>`` answers.
        mishaps: for each file, or ``record`` for records, what happens to its next answers.
        asked: path and range of each request, in order.
    """

    base: str
    files: dict[tuple[int, str], bytes] = field(default_factory=dict)
    records: dict[int, Any] = field(default_factory=dict)
    mishaps: dict[str, list[Mishap]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def publish(self, record: int, name: str, data: bytes) -> None:
        """Offer a file, and name it in its record."""
        self.files[record, name] = data
        entry = {"key": name, "size": len(data), "checksum": f"md5:{md5(data)}"}
        content = self.records.setdefault(record, {"metadata": {"license": {"id": "cc-by-4.0"}}, "files": []})
        content["files"].append(entry)

    def spoil(self, name: str, *mishaps: Mishap) -> None:
        """Let the next answers about a file, or about a ``record``, go wrong."""
        self.mishaps.setdefault(name, []).extend(mishaps)

    def ranges(self) -> list[str | None]:
        """The ranges that were asked for, of files only."""
        return [span for path, span in self.asked if "/files/" in path]


def drop(after: int) -> Mishap:
    """Break the connection after so many bytes of the answer."""

    def mishap(answer: Answer) -> None:
        answer.sent = after

    return mishap


def status(code: int, **headers: str) -> Mishap:
    """Answer with another code and nothing else."""

    def mishap(answer: Answer) -> None:
        answer.code, answer.body = code, b""
        answer.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    return mishap


def wrong(answer: Answer) -> None:
    """Send one byte that is not what was published."""
    answer.body = answer.body[:-1] + bytes([answer.body[-1] ^ 1])


def longer(answer: Answer) -> None:
    """Send more than was published."""
    answer.body += b"more"


def shorter(answer: Answer) -> None:
    """Send less than was published, and call it whole."""
    answer.body = answer.body[: len(answer.body) // 2]


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def sound() -> bytes:
    """A tenth of a second of silence as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(16_000)
        wav.writeframes(bytes(3200))
    return file.getvalue()


def sound_zip(*names: str) -> bytes:
    """An archive of recordings of these names; a name that does not end in .wav is a text."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name in names:
            zipped.writestr(name, sound() if name.endswith(".wav") else b"text")
    return file.getvalue()


@pytest.fixture
def zenodo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Zenodo]:
    """A running server that ANOMALY_ZENODO names."""
    server = _Server(("127.0.0.1", 0), _Handler)
    state = Zenodo(f"http://127.0.0.1:{server.server_port}")
    server.state = state  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("ANOMALY_ZENODO", state.base)
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore connections that an interrupted download has closed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        state: Zenodo = self.server.state  # type: ignore[attr-defined]
        path = unquote(urlsplit(self.path).path)
        state.asked.append((path, self.headers["Range"]))
        name, answer = self._answer(state, path)
        waiting = state.mishaps.get(name, [])
        if waiting:
            waiting.pop(0)(answer)
        self.send_response(answer.code)
        for key, value in answer.headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.close_connection = answer.sent is not None
        self.wfile.write(answer.body[: answer.sent])

    def _answer(self, state: Zenodo, path: str) -> tuple[str, Answer]:
        record = re.fullmatch(r"/api/records/(\d+)", path)
        if record:
            content = state.records.get(int(record[1]))
            body = json.dumps(content).encode()
            return "record", Answer(
                404 if content is None else 200, {"Content-Type": "application/json"}, body
            )
        file = re.fullmatch(r"/records/(\d+)/files/([^/]+)", path)
        key = (int(file[1]), file[2]) if file else (0, "")
        if key not in state.files:
            return key[1], Answer(404, {}, b"not here")
        return key[1], self._part(state.files[key])

    def _part(self, data: bytes) -> Answer:
        span = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        if span is None:
            return Answer(200, {}, data)
        start = int(span[1])
        if start >= len(data):
            return Answer(416, {"Content-Range": f"bytes */{len(data)}"}, b"")
        content = f"bytes {start}-{len(data) - 1}/{len(data)}"
        return Answer(206, {"Content-Range": content}, data[start:])

    def log_message(self, format: str, *args: object) -> None:
        """Write no log."""
