"""Transient failures are retried, others are errors; proxies are used."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from anomaly.archive.datasets.remote import Remote, RequestRetries
from anomaly.errors import ConfigError, RemoteError
from support.zenodo_server import Zenodo, drop, status


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def remote(zenodo: Zenodo, waits: list[float]) -> Iterator[Remote]:
    zenodo.records[1] = {"a": 1}
    with Remote(retries=RequestRetries(tries=3, sleep=waits.append, answer_s=5)) as remote:
        yield remote


def ask(remote: Remote, path: str = "/api/records/1", largest_bytes: int = 100) -> bytes:
    return remote.get(remote.base + path, largest_bytes=largest_bytes)


def test_an_answer(remote: Remote, waits: list[float]) -> None:
    assert ask(remote) == b'{"a": 1}'
    assert waits == []


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_busy_server_is_retried(zenodo: Zenodo, remote: Remote, waits: list[float], code: int) -> None:
    zenodo.spoil("record", status(code), status(code))
    assert ask(remote) == b'{"a": 1}'
    assert waits == [1, 2]


def test_the_pause_that_a_server_requests(zenodo: Zenodo, remote: Remote, waits: list[float]) -> None:
    zenodo.spoil("record", status(429, Retry_After="7"), status(429, Retry_After="0"))
    ask(remote)
    assert waits == [7, 2]


def test_a_pause_of_an_hour_is_not_waited_for(zenodo: Zenodo, remote: Remote, waits: list[float]) -> None:
    zenodo.spoil("record", status(429, Retry_After="3600"))
    with pytest.raises(RemoteError, match="asks to wait 3600 s"):
        ask(remote)
    assert waits == []


def test_tries_are_limited(zenodo: Zenodo, remote: Remote, waits: list[float]) -> None:
    zenodo.spoil("record", *[status(503)] * 3)
    with pytest.raises(RemoteError, match=r"answered 503 Service Unavailable \(3 tries\)") as caught:
        ask(remote)
    assert caught.value.where == f"{zenodo.base}/api/records/1"
    assert len(waits) == 2


@pytest.mark.parametrize("code", [403, 404, 410])
def test_a_refusal_is_final(zenodo: Zenodo, remote: Remote, waits: list[float], code: int) -> None:
    zenodo.spoil("record", status(code))
    with pytest.raises(RemoteError, match=f"answered {code}") as caught:
        ask(remote)
    assert f"{zenodo.base}/api/records/1" in str(caught.value)
    assert waits == []


def test_a_broken_answer_is_requested_again(zenodo: Zenodo, remote: Remote, waits: list[float]) -> None:
    zenodo.spoil("record", drop(3))
    assert ask(remote) == b'{"a": 1}'
    assert waits == [1]


def test_an_answer_that_is_too_long(remote: Remote) -> None:
    with pytest.raises(RemoteError, match="more than 4 bytes"):
        ask(remote, largest_bytes=4)


def test_no_server(waits: list[float]) -> None:
    lines: list[str] = []
    with (
        Remote(
            "http://127.0.0.1:1", retries=RequestRetries(tries=2, sleep=waits.append), on_retry=lines.append
        ) as remote,
        pytest.raises(RemoteError, match="2 tries"),
    ):
        ask(remote)
    assert len(lines) == 1
    assert "trying again in 1 s" in lines[0]


@pytest.mark.parametrize(
    "base", ["zenodo.org", "ftp://zenodo.org", "http://", "https://me:pw@a", "http://a/?b"]
)
def test_invalid_addresses(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANOMALY_ZENODO", base)
    with pytest.raises(ConfigError) as caught:
        Remote()
    assert "ANOMALY_ZENODO" in str(caught.value)


def test_zenodo_itself_unless_a_mirror_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANOMALY_ZENODO", "")
    with Remote() as remote:
        assert remote.base == "https://zenodo.org"
    with Remote("https://mirror.example/zenodo/") as remote:
        assert remote.base == "https://mirror.example/zenodo"


def test_a_redirect_must_not_drop_encryption(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.scheme == "https":
            return httpx.Response(302, headers={"Location": "http://elsewhere.example/"})
        return httpx.Response(200, content=b"not to be trusted")

    with Remote("https://zenodo.example") as remote:
        remote.close()
        remote._client = httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=True)
        with pytest.raises(RemoteError, match="without encryption"):
            ask(remote)


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"by proxy")

        def log_message(self, format: str, *args: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
        with Remote("http://zenodo.example") as remote:
            assert ask(remote) == b"by proxy"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert asked == ["http://zenodo.example/api/records/1"]


def test_a_proxy_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "gopher://proxy.example:70")
    with pytest.raises(ConfigError, match="proxy of the environment"):
        Remote("https://zenodo.example")
