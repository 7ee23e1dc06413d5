"""Web hooks: CloudEvents in both modes, signatures, redirects, refusals and timeouts."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from anomaly.alerts import AlertMessage
from anomaly.alerts.sinks import SinkError
from anomaly.alerts.sinks.http_session import retry_after_s
from anomaly.alerts.sinks.webhook.webhook_sink import WebhookSink, cloud_event, signature
from anomaly.alerts.webhook_receiver import Reply, WebhookReceiver
from anomaly.errors import ConfigError
from support.certificate import Certificate

MakeMessage = Callable[..., AlertMessage]


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as opened:
        yield opened


@pytest.fixture
def sink(receiver: WebhookReceiver) -> Iterator[WebhookSink]:
    made = WebhookSink("hook", receiver.url, timeout_s=1, allow_private=True)
    yield made
    made.close()


def test_structured(receiver: WebhookReceiver, sink: WebhookSink, make_message: MakeMessage) -> None:
    message = make_message()
    sink.deliver(message)
    (delivery,) = receiver.deliveries
    assert delivery.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert message.case is not None
    assert delivery.body == {
        "specversion": "1.0",
        "id": message.id,
        "source": "/anomaly/machines/pump",
        "type": "anomaly.case.opened",
        "subject": message.case.id,
        "time": message.time,
        "datacontenttype": "application/json",
        "data": message.to_dict(),
    }
    assert delivery.key == message.id
    assert "x-anomaly-signature" not in delivery.headers


def test_binary(receiver: WebhookReceiver, make_message: MakeMessage) -> None:
    sink = WebhookSink("hook", receiver.url, mode="binary", allow_private=True)
    message = make_message()
    sink.deliver(message)
    sink.close()
    (delivery,) = receiver.deliveries
    assert delivery.body == message.to_dict()
    found = {name: value for name, value in delivery.headers.items() if name.startswith("ce-")}
    assert found["ce-specversion"] == "1.0"
    assert found["ce-id"] == message.id
    assert found["ce-type"] == "anomaly.case.opened"
    assert delivery.headers["content-type"] == "application/json"


def test_the_signature_of_a_known_body() -> None:
    # RFC 4231, test case 2.
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert signature(b"Jefe", b"what do ya want for nothing?") == f"sha256={expected}"


def test_the_same_message_is_the_same_body(make_message: MakeMessage) -> None:
    message = make_message()
    assert cloud_event(message, "structured") == cloud_event(message, "structured")
    assert json.loads(cloud_event(message, "structured")[1])["data"] == message.to_dict()


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        *[(status, True) for status in (400, 401, 403, 404, 405, 410, 411, 413, 414, 415, 422, 451)],
        *[(status, False) for status in (301, 408, 409, 425, 429, 500, 501, 502, 503, 504)],
    ],
)
def test_client_errors_are_permanent_except_the_retryable_ones(
    status: int, permanent: bool, receiver: WebhookReceiver, sink: WebhookSink, make_message: MakeMessage
) -> None:
    receiver.plan(Reply(status))
    with pytest.raises(SinkError, match=f"answered {status}") as caught:
        sink.deliver(make_message())
    assert caught.value.permanent is permanent


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
def test_a_status_other_than_2xx_is_an_error(
    status: int, receiver: WebhookReceiver, sink: WebhookSink, make_message: MakeMessage
) -> None:
    receiver.plan(Reply(status, body="why\x1b[31m\nnot " + "x" * 5000))
    with pytest.raises(
        SinkError, match=f"webhook hook at 127.0.0.1: answered {status} .*: why \\[31m not x"
    ) as caught:
        sink.deliver(make_message())
    assert len(str(caught.value)) < 300
    assert caught.value.retry_after_s is None


def test_the_path_of_the_address_does_not_show(receiver: WebhookReceiver, make_message: MakeMessage) -> None:
    sink = WebhookSink("hook", f"http://127.0.0.1:{receiver.port}/T0K3N?key=S3CRET", allow_private=True)
    receiver.plan(Reply(403))
    with pytest.raises(SinkError) as caught:
        sink.deliver(make_message())
    sink.close()
    assert "T0K3N" not in f"{caught.value}{caught.value.hint}"
    assert "S3CRET" not in f"{caught.value}{caught.value.hint}"


def test_the_requested_wait_is_reported(
    receiver: WebhookReceiver, sink: WebhookSink, make_message: MakeMessage
) -> None:
    receiver.plan(Reply(429, {"Retry-After": "120"}))
    with pytest.raises(SinkError) as caught:
        sink.deliver(make_message())
    assert caught.value.retry_after_s == 120


def test_retry_after() -> None:
    now_s = 1_800_000_000.0
    date = format_datetime(datetime.fromtimestamp(now_s + 90, UTC), usegmt=True)
    assert retry_after_s(date, now_s) == 90
    assert retry_after_s(date, now_s + 100) is None
    assert retry_after_s("15", now_s) == 15
    for nonsense in (None, "", "soon", "-3", "1e999", "Wed, 99 Foo"):
        assert retry_after_s(nonsense, now_s) is None


def test_a_redirect_on_the_same_host_is_followed(
    receiver: WebhookReceiver, sink: WebhookSink, make_message: MakeMessage
) -> None:
    receiver.plan(Reply(307, {"Location": "/other"}), Reply(308, {"Location": receiver.url}))
    sink.deliver(make_message())
    assert len(receiver.messages) == 1


def test_a_redirect_to_another_place_is_not(
    receiver: WebhookReceiver, sink: WebhookSink, make_message: MakeMessage
) -> None:
    with WebhookReceiver() as elsewhere:
        for place in (elsewhere.url, "https://example.invalid/", "//example.invalid/"):
            receiver.plan(Reply(307, {"Location": place}))
            with pytest.raises(SinkError, match="redirects to another place"):
                sink.deliver(make_message())
        assert elsewhere.deliveries == []


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_that_would_become_a_get_is_not(
    status: int, receiver: WebhookReceiver, sink: WebhookSink, make_message: MakeMessage
) -> None:
    receiver.plan(Reply(status, {"Location": receiver.url}))
    with pytest.raises(SinkError, match=f"answered {status}"):
        sink.deliver(make_message())


def test_redirects_in_a_circle_are_an_error(
    receiver: WebhookReceiver, sink: WebhookSink, make_message: MakeMessage
) -> None:
    receiver.plan(*[Reply(307, {"Location": "/alerts"})] * 10)
    with pytest.raises(SinkError, match="redirects in a circle"):
        sink.deliver(make_message())


def test_slowness_is_an_error(receiver: WebhookReceiver, make_message: MakeMessage) -> None:
    sink = WebhookSink("hook", receiver.url, timeout_s=0.2, allow_private=True)
    receiver.plan(Reply(204, after_s=1.0))
    with pytest.raises(SinkError, match="no answer in time"):
        sink.deliver(make_message())
    sink.close()


def test_an_answer_without_end_does_not_block(make_message: MakeMessage) -> None:
    over = threading.Event()

    def drip(server: socket.socket) -> None:
        caller, _ = server.accept()
        with caller:
            caller.recv(65_536)
            caller.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 1000000\r\n\r\n")
            while not over.wait(0.05):
                caller.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,), daemon=True)
        thread.start()
        sink = WebhookSink(
            "hook", f"http://127.0.0.1:{server.getsockname()[1]}/", timeout_s=2, allow_private=True
        )
        started = time.monotonic()
        with pytest.raises(SinkError, match="answered 500 No: x"):
            sink.deliver(make_message())
        assert time.monotonic() - started < 4
        over.set()
        thread.join()
        sink.close()


def test_a_wrong_secret(make_message: MakeMessage) -> None:
    with WebhookReceiver(secret=b"right") as receiver:
        sink = WebhookSink("hook", receiver.url, secret=b"wrong", allow_private=True)
        with pytest.raises(SinkError, match="answered 401 Unauthorized: the signature is missing or wrong"):
            sink.deliver(make_message())
        sink.close()


def test_a_closed_sink_is_an_error(receiver: WebhookReceiver, make_message: MakeMessage) -> None:
    sink = WebhookSink("hook", receiver.url, allow_private=True)
    sink.close()
    with pytest.raises(SinkError, match="cannot be reached"):
        sink.deliver(make_message())


@pytest.mark.parametrize(
    "url", ["", "ftp://x/y", "plant.example/hook", "http://", "http://[::1", "file:///etc/x"]
)
def test_invalid_addresses_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="webhook hook: the address"):
        WebhookSink("hook", url, allow_private=True)


def test_a_password_in_the_address() -> None:
    with pytest.raises(ConfigError, match="holds a user or password") as caught:
        WebhookSink("hook", "http://ann:s3cret@plant.example/", allow_private=True)
    assert "s3cret" not in str(caught.value)


def test_tls(certificate: Certificate, make_message: MakeMessage) -> None:
    with _TlsReceiver(certificate) as receiver:
        url = receiver.url.replace("http://", "https://")
        trusting = WebhookSink("hook", url, ca_file=certificate.cert, allow_private=True)
        trusting.deliver(make_message())
        trusting.close()
        assert len(receiver.messages) == 1
        doubting = WebhookSink("hook", url, allow_private=True)
        with pytest.raises(SinkError, match="certificate verify failed"):
            doubting.deliver(make_message())
        doubting.close()


def test_invalid_certificates_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    for file in ("ca.pem", "missing.pem"):
        with pytest.raises(ConfigError, match="certificates cannot be read"):
            WebhookSink("hook", "https://plant.example/", ca_file=tmp_path / file, allow_private=True)


class _TlsReceiver(WebhookReceiver):
    def __init__(self, certificate: Certificate) -> None:
        super().__init__()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.cert, certificate.key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)


def test_from_several_threads(
    receiver: WebhookReceiver, sink: WebhookSink, make_message: MakeMessage
) -> None:
    threads = [threading.Thread(target=sink.deliver, args=(make_message(),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.messages) == 8
