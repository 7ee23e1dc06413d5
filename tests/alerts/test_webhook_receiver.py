"""The receiver accepts only requests that are signed, whole and not too long."""

from __future__ import annotations

import json
import socket

import httpx
import pytest

from anomaly.alerts.sinks.webhook.webhook_sink import signature
from anomaly.alerts.webhook_receiver import Reply, WebhookReceiver

BODY = json.dumps({"data": {"event": "test"}}).encode()


def post(receiver: WebhookReceiver, body: bytes = BODY, **headers: str) -> int:
    given = {key.replace("_", "-"): value for key, value in headers.items()}
    return httpx.post(
        receiver.url, content=body, headers={"Idempotency-Key": "k1"} | given, trust_env=False
    ).status_code


def test_accepts_and_counts_repetitions() -> None:
    with WebhookReceiver() as receiver:
        assert [post(receiver), post(receiver), post(receiver, Idempotency_Key="k2")] == [204, 204, 204]
        assert [(d.key, d.repeated) for d in receiver.deliveries] == [
            ("k1", False),
            ("k1", True),
            ("k2", False),
        ]
        assert receiver.messages == [{"event": "test"}] * 2
        assert receiver.wait_for(2, 0.1)
        assert not receiver.wait_for(3, 0.05)


def test_a_body_without_an_envelope() -> None:
    with WebhookReceiver() as receiver:
        post(receiver, b'{"event": "test"}')
        assert receiver.messages == [{"event": "test"}]


def test_the_signature_is_checked() -> None:
    with WebhookReceiver(secret=b"right") as receiver:
        assert post(receiver) == 401
        assert post(receiver, X_Anomaly_Signature=signature(b"wrong", BODY)) == 401
        assert post(receiver, BODY + b" ", X_Anomaly_Signature=signature(b"right", BODY)) == 401
        odd = {b"Idempotency-Key": b"k1", b"X-Anomaly-Signature": b"\xe4"}
        assert httpx.post(receiver.url, content=BODY, headers=odd, trust_env=False).status_code == 401
        assert receiver.deliveries == []
        assert post(receiver, X_Anomaly_Signature=signature(b"right", BODY)) == 204


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 50_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with WebhookReceiver() as receiver:
        assert post(receiver, body) == 400


def test_a_key_is_needed() -> None:
    with WebhookReceiver() as receiver:
        assert post(receiver, Idempotency_Key="") == 400


def test_a_body_that_is_too_long() -> None:
    with WebhookReceiver(largest_body_bytes=10) as receiver:
        assert post(receiver) == 413


def test_a_body_without_a_length() -> None:
    with WebhookReceiver() as receiver:
        answer = httpx.post(receiver.url, content=iter([b"{}"]), trust_env=False)
        assert answer.status_code == 411


def test_answers_as_planned_then_accepts() -> None:
    with WebhookReceiver() as receiver:
        receiver.plan(Reply(503, {"Retry-After": "7"}, "busy"), Reply(500))
        answer = httpx.post(receiver.url, content=BODY, trust_env=False)
        assert (answer.status_code, answer.headers["retry-after"], answer.text) == (503, "7", "busy")
        assert [post(receiver), post(receiver)] == [500, 204]


def test_only_on_this_machine() -> None:
    with WebhookReceiver() as receiver:
        assert receiver.url.startswith("http://127.0.0.1:")
        port = receiver.port
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 1):
        pass


def test_a_client_that_disconnects_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    with WebhookReceiver() as receiver:
        with socket.create_connection(("127.0.0.1", receiver.port)) as caller:
            caller.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
        assert post(receiver) == 204
    assert capsys.readouterr().err == ""
