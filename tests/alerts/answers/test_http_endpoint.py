"""HTTP endpoint of answers on loopback: every refusal, slow and rude clients, and many at once."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from anomaly.alerts import Case, CaseState, Store
from anomaly.alerts.answers.answer_handler import AnswerHandler
from anomaly.alerts.answers.http_endpoint import HttpEndpoint
from anomaly.alerts.answers.strict_json import LARGEST_BYTES
from anomaly.alerts.signature import KEY_HEADER, SIGNATURE_HEADER, signature
from anomaly.errors import ConfigError
from anomaly.store.cases.answer_receipt import ANSWER_ACCEPTED
from support.answers import SECRET, make_answer, post
from support.waiting import wait_until

OpenCase = Callable[..., Case]


def raw(port: int, request: bytes, *, then_wait: bool = True) -> bytes:
    """Send bytes, and return all that comes back."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(request)
        if not then_wait:
            connection.shutdown(socket.SHUT_WR)
        parts = []
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def status_of(response: bytes) -> int:
    return int(response.split()[1])


def test_an_answer_is_accepted(endpoint: HttpEndpoint, live_store: Store, open_case: OpenCase) -> None:
    case = open_case()
    response = post(endpoint.port, make_answer(case.id, time.time()))
    assert (response.status, response.content["state"]) == (200, "active-acknowledged")
    assert response.headers["Server"] == "anomaly"
    stored = live_store.cases.get(case.id)
    assert stored is not None
    assert (stored.state, stored.acknowledged_by) == (CaseState.ACTIVE_ACKNOWLEDGED, "J. Doe")


def test_a_repetition_gets_the_first_response(
    endpoint: HttpEndpoint, live_store: Store, open_case: OpenCase
) -> None:
    case = open_case()
    sent = make_answer(case.id, time.time(), "comment", note="once")
    first, again = post(endpoint.port, sent), post(endpoint.port, sent)
    assert (first.status, first.content) == (again.status, again.content)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    other = post(endpoint.port, {**sent, "note": "twice"})
    assert (other.status, other.content["error"][:20]) == (409, "the id was used for ")
    assert len(live_store.history.events(case_id=case.id, name="case.commented")) == 1


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"secret": None}, 401),
        ({"secret": b"a secret that is not known"}, 401),
        ({"headers": {KEY_HEADER: "another-key"}}, 400),
        ({"headers": {"Content-Type": "text/plain"}}, 415),
        ({"headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 415),
        ({"path": "/"}, 404),
        ({"path": "/answers/"}, 404),
        ({"path": "/answers?x=1"}, 404),
        ({"path": "/../etc/passwd"}, 404),
        ({"method": "GET"}, 405),
        ({"method": "PUT"}, 405),
        ({"method": "DELETE"}, 405),
        ({"method": "OPTIONS"}, 405),
        ({"method": "BREW"}, 405),
    ],
)
def test_refusals(
    endpoint: HttpEndpoint, live_store: Store, open_case: OpenCase, change: dict[str, str], status: int
) -> None:
    case = open_case()
    response = post(endpoint.port, make_answer(case.id, time.time()), **change)  # type: ignore[arg-type]
    assert (response.status, response.content["status"]) == (status, status)
    assert response.content["error"]
    assert (status == 405) == (response.headers.get("Allow") == "POST")
    assert live_store.cases.get(case.id) == case


def test_bodies_of_a_wrong_size(endpoint: HttpEndpoint) -> None:
    head = b"POST /answers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    for fields, status in (
        (b"", 411),
        (b"Transfer-Encoding: chunked\r\n", 411),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", 411),
        (b"Content-Length: 2\r\nContent-Length: 3\r\n", 400),
        (b"Content-Length: -1\r\n", 400),
        (b"Content-Length: 0x2\r\n", 400),
        (b"Content-Length: 2_0\r\n", 400),
        (b"Content-Length: " + str(LARGEST_BYTES + 1).encode() + b"\r\n", 413),
        (b"Content-Length: 99999999999999999999\r\n", 413),
    ):
        assert status_of(raw(endpoint.port, head + fields + b"\r\n{}")) == status, fields
    assert status_of(raw(endpoint.port, head + b"Content-Length: 3\r\n\r\n{}", then_wait=False)) == 400


def test_a_body_that_is_too_long_is_refused_although_its_sender_does_not_stop(endpoint: HttpEndpoint) -> None:
    response = post(endpoint.port, b" " * 200_000)
    assert response.status == 413


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /answers HTTP/1.1\r\n" + b"X: " + b"x" * 40_000 + b"\r\n\r\n",
        b"POST /answers HTTP/1.1\r\n" + b"".join(b"X-%d: x\r\n" % n for n in range(4_000)) + b"\r\n",
        b"POST /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_heads_that_are_too_long(endpoint: HttpEndpoint, request_: bytes) -> None:
    assert status_of(raw(endpoint.port, request_)) == 431


@pytest.mark.parametrize(
    "request_",
    [
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GARBAGE\r\n\r\n",
        b"\x00" * 100 + b"\r\n",
    ],
)
def test_what_is_no_http_harms_nothing(endpoint: HttpEndpoint, open_case: OpenCase, request_: bytes) -> None:
    raw(endpoint.port, request_, then_wait=False)
    assert post(endpoint.port, make_answer(open_case().id, time.time())).status == 200


def test_many_headers(endpoint: HttpEndpoint) -> None:
    request = b"POST /answers HTTP/1.1\r\n" + b"".join(b"X%d: x\r\n" % n for n in range(150)) + b"\r\n"
    assert status_of(raw(endpoint.port, request)) == 431


def test_slow_senders_are_ended(endpoint: HttpEndpoint) -> None:
    """A client that sends a byte now and then is refused once the time for a request is over."""
    body = b"{}"
    head = b"POST /answers HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"
    with socket.create_connection(("127.0.0.1", endpoint.port), 30) as connection:
        connection.sendall(head + body)
        stop = threading.Event()
        dripping = threading.Thread(target=drip, args=(connection, stop))
        dripping.start()
        try:
            assert status_of(connection.recv(65_536)) == 408
        finally:
            stop.set()
            dripping.join()
    wait_until(lambda: endpoint.connections == 0)


def drip(connection: socket.socket, stop: threading.Event) -> None:
    while not stop.wait(0.05):
        try:
            connection.sendall(b" ")
        except OSError:
            return


def test_slow_clients_that_take_all_places_make_way(endpoint: HttpEndpoint, open_case: OpenCase) -> None:
    case = open_case()
    slow = [socket.create_connection(("127.0.0.1", endpoint.port), 30) for _ in range(40)]
    try:
        for connection in slow:
            connection.sendall(b"POST /answers HTTP/1.1\r\nX-")
        assert post(endpoint.port, make_answer(case.id, time.time())).status == 200
    finally:
        for connection in slow:
            connection.close()
    wait_until(lambda: endpoint.connections == 0)


def test_clients_that_vanish(endpoint: HttpEndpoint, open_case: OpenCase, live_store: Store) -> None:
    case = open_case()
    body = json.dumps(make_answer(case.id, time.time())).encode()
    head = (
        b"POST /answers HTTP/1.1\r\nContent-Type: application/json\r\n"
        + f"{SIGNATURE_HEADER}: {signature(SECRET, body)}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )
    for cut in range(0, len(head) + len(body), 37):
        with socket.create_connection(("127.0.0.1", endpoint.port), 10) as connection:
            connection.sendall((head + body)[:cut])
    wait_until(lambda: endpoint.connections == 0)
    assert live_store.cases.get(case.id) == case
    assert status_of(raw(endpoint.port, head + body)) == 200


def test_200_at_once(endpoint: HttpEndpoint, live_store: Store, open_case: OpenCase) -> None:
    """All are accepted, each once, and half of them are repetitions of the others."""
    cases = [open_case(f"pump-{number}") for number in range(10)]
    sent = [
        make_answer(cases[number % 10].id, time.time(), "comment", note=f"comment {number}")
        for number in range(100)
    ]
    with ThreadPoolExecutor(200) as pool:
        responses = list(pool.map(lambda answer: post(endpoint.port, answer), sent * 2))
    assert {response.status for response in responses} == {200}
    assert [one.content for one in responses[:100]] == [one.content for one in responses[100:]]
    comments = [
        row.detail["note"]
        for case in cases
        for row in live_store.history.events(case_id=case.id, name="case.commented")
    ]
    assert sorted(comments) == sorted(answer["note"] for answer in sent)
    assert len(live_store.history.events(name=ANSWER_ACCEPTED)) == 100


def test_the_end_finishes_what_has_arrived(live_store: Store, open_case: OpenCase) -> None:
    case = open_case()
    with (
        AnswerHandler(live_store, {"maximo": SECRET}, 300.0) as handler,
        HttpEndpoint(handler, "127.0.0.1", 0) as endpoint,
    ):
        idle = socket.create_connection(("127.0.0.1", endpoint.port), 10)
        assert post(endpoint.port, make_answer(case.id, time.time())).status == 200
        port = endpoint.port
    with idle:
        assert idle.recv(100) == b""
    with pytest.raises(OSError, match="refused"):
        post(port, make_answer(case.id, time.time()))


def test_a_port_in_use(endpoint: HttpEndpoint, live_store: Store) -> None:
    with (
        AnswerHandler(live_store, {}, 300.0) as handler,
        pytest.raises(ConfigError, match="answers cannot be taken here") as caught,
    ):
        HttpEndpoint(handler, "127.0.0.1", endpoint.port)
    assert str(endpoint.port) in str(caught.value)
