"""Alerts to private addresses: only where the site file allows it, checked at the address that is connected to."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from anomaly.alerts import AlertMessage
from anomaly.alerts.sinks import SinkContext, SinkError
from anomaly.alerts.sinks.alertmanager.alertmanager_kind import ALERTMANAGER
from anomaly.alerts.sinks.http_session import HttpSession
from anomaly.alerts.sinks.private_address import fault_of
from anomaly.alerts.sinks.webhook.webhook_kind import WEBHOOK
from anomaly.alerts.sinks.webhook.webhook_sink import WebhookSink
from anomaly.alerts.webhook_receiver import Reply, WebhookReceiver
from anomaly.errors import ConfigError
from support.certificate import Certificate
from support.http_server import Answer, HttpServer

MakeMessage = Callable[..., AlertMessage]
resolve = socket.getaddrinfo


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """Names and the addresses that each look-up finds; the last ones stay."""
    known: dict[str, list[list[str]]] = {}

    def look_up(host: Any, port: Any, *rest: Any, **keys: Any) -> list[Any]:
        if host not in known:
            return resolve(host, port, *rest, **keys)
        answers = known[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [entry for one in found for entry in resolve(one, port, type=socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.mark.parametrize(
    ("text", "private", "ever"),
    [
        ("93.184.215.14", True, True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True, True),
        ("127.0.0.1", False, True),
        ("10.1.2.3", False, True),
        ("192.168.1.1", False, True),
        ("172.16.0.1", False, True),
        ("100.64.0.1", False, True),
        ("169.254.1.1", False, True),
        ("0.0.0.0", False, True),
        ("::", False, True),
        ("::1", False, True),
        ("fe80::1", False, True),
        ("fd12:3456::1", False, True),
        ("::ffff:127.0.0.1", False, True),
        ("::ffff:93.184.215.14", True, True),
        ("::127.0.0.1", False, True),
        ("64:ff9b::7f00:1", False, True),
        ("64:ff9b::a00:1", False, True),
        ("2002:7f00:1::", False, True),
        ("2002:a9fe:a9fe::", False, False),
        ("169.254.169.254", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("64:ff9b::a9fe:a9fe", False, False),
        ("fd00:ec2::254", False, False),
        ("168.63.129.16", False, False),
        ("224.0.0.1", False, False),
        ("ff02::1", False, False),
    ],
)
def test_addresses(text: str, private: bool, ever: bool) -> None:
    address = ipaddress.ip_address(text)
    assert (fault_of(address, allow_private=False) is None) is private
    assert (fault_of(address, allow_private=True) is None) is ever


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.5", "192.0.2.2", "[fd00::1]", "0.0.0.0"])
@pytest.mark.parametrize("proxy", [None, "http://127.0.0.1:9"])
def test_a_private_address_in_the_site_file_is_refused_at_delivery(
    host: str, proxy: str | None, make_message: MakeMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sink fails as an unreachable one does, so that the monitor listens all the same."""
    if proxy is not None:
        monkeypatch.setenv("HTTP_PROXY", proxy)
    sink = WebhookSink("hook", f"http://{host}/alerts", timeout_s=1)
    with pytest.raises(SinkError, match="nothing is sent there") as caught:
        sink.deliver(make_message())
    sink.close()
    assert not caught.value.permanent
    assert (
        caught.value.hint == "add allow_private: true to the sink if the receiver stands in your own network"
    )


def test_metadata_services_are_an_error_of_the_site_file() -> None:
    keys = {"name": "prom", "url": "http://127.0.0.1:9093"}
    ALERTMANAGER.build(ALERTMANAGER.config.model_validate(keys), SinkContext()).close()
    for kind in (ALERTMANAGER, WEBHOOK):
        settings = kind.config.model_validate(
            keys | {"url": "http://169.254.169.254/", "allow_private": True}
        )
        with pytest.raises(ConfigError, match="is that of a metadata service"):
            kind.build(settings, SinkContext())


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "LOCALHOST"])
def test_this_computer_is_allowed_where_the_site_file_names_it(host: str, make_message: MakeMessage) -> None:
    with WebhookReceiver() as receiver:
        # The receiver stands at 127.0.0.1 alone.
        sink = WebhookSink("hook", f"http://{host}:{receiver.port}/alerts", timeout_s=2)
        if host == "127.0.0.2":
            with pytest.raises(SinkError, match="cannot be reached"):
                sink.deliver(make_message())
        else:
            sink.deliver(make_message())
            assert len(receiver.deliveries) == 1
        sink.close()


def test_localhost_that_leads_elsewhere_is_no_longer_this_computer(
    names: dict[str, list[list[str]]], make_message: MakeMessage
) -> None:
    names["localhost"] = [["10.0.0.1"]]
    sink = WebhookSink("hook", "http://localhost:1/alerts", timeout_s=1)
    with pytest.raises(SinkError, match=r"its address 10\.0\.0\.1 is a private one"):
        sink.deliver(make_message())
    sink.close()


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "plant.example"])
def test_names_and_other_spellings_are_resolved_and_nothing_is_sent(
    host: str, names: dict[str, list[list[str]]], make_message: MakeMessage
) -> None:
    names["plant.example"] = [["127.0.0.1"]]
    with WebhookReceiver() as receiver:
        sink = WebhookSink("hook", f"http://{host}:{receiver.port}/alerts")
        with pytest.raises(SinkError, match=r"its address 127\.0\.0\.1 is a private one") as caught:
            sink.deliver(make_message())
        sink.close()
        assert receiver.deliveries == []
    # It may be the fault of the name service, or be allowed later: the message waits.
    assert not caught.value.permanent
    assert "allow_private" in str(caught.value.hint)


def test_one_private_address_among_others_is_enough(
    names: dict[str, list[list[str]]], make_message: MakeMessage
) -> None:
    names["plant.example"] = [["93.184.215.14", "127.0.0.1"]]
    sink = WebhookSink("hook", "http://plant.example/", timeout_s=1)
    with pytest.raises(SinkError, match="is a private one"):
        sink.deliver(make_message())
    sink.close()


def test_a_name_that_leads_elsewhere_a_moment_later(
    names: dict[str, list[list[str]]], monkeypatch: pytest.MonkeyPatch, make_message: MakeMessage
) -> None:
    """The first look-up finds a public address, all later ones this computer: the request goes to the first."""
    names["rebind.example"] = [["93.184.215.14"], ["127.0.0.1"]]
    asked: list[str] = []

    def connect(address: tuple[str, int], *_: Any, **__: Any) -> socket.socket:
        asked.append(address[0])
        raise ConnectionRefusedError(111, "refused")

    with WebhookReceiver() as receiver:
        sink = WebhookSink("hook", f"http://rebind.example:{receiver.port}/alerts", timeout_s=1)
        monkeypatch.setattr(socket, "create_connection", connect)
        with pytest.raises(SinkError, match="cannot be reached"):
            sink.deliver(make_message())
        with pytest.raises(SinkError, match="is a private one"):
            sink.deliver(make_message())
        sink.close()
        assert receiver.deliveries == []
    assert asked == ["93.184.215.14"]


def test_the_next_address_is_tried_if_one_does_not_answer(
    names: dict[str, list[list[str]]], make_message: MakeMessage
) -> None:
    names["plant.example"] = [["127.0.0.9", "127.0.0.1"]]
    with WebhookReceiver() as receiver:
        sink = WebhookSink("hook", f"http://plant.example:{receiver.port}/alerts", allow_private=True)
        sink.deliver(make_message())
        sink.close()
        assert receiver.deliveries[0].headers["host"] == f"plant.example:{receiver.port}"


def test_the_certificate_is_that_of_the_name(
    certificate: Certificate, names: dict[str, list[list[str]]], make_message: MakeMessage
) -> None:
    """A certificate of another name is refused although the address is right."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    names["plant.example"] = names["hooks.example"] = [["127.0.0.1"]]
    shown: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: shown.append(name)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for _ in range(2):
                caller, _ = server.accept()
                try:
                    with context.wrap_socket(caller, server_side=True) as talk:
                        request = b""
                        # All of it: a connection that is closed with unread bytes is reset, and its answer lost.
                        while not request.endswith(b"}"):
                            request += talk.recv(65_536)
                        talk.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                except OSError:
                    caller.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        for host, good in (("hooks.example", True), ("plant.example", False)):
            sink = WebhookSink(
                "hook", f"https://{host}:{port}/", ca_file=certificate.cert, timeout_s=5, allow_private=True
            )
            if good:
                sink.deliver(make_message())
            else:
                with pytest.raises(SinkError, match="certificate verify failed"):
                    sink.deliver(make_message())
            sink.close()
        thread.join()
    assert shown == ["hooks.example", "plant.example"]


def test_a_redirect_to_a_private_address_is_not_followed(
    http_server: HttpServer, make_message: MakeMessage
) -> None:
    with WebhookReceiver() as inside:
        http_server.answer = lambda _: Answer(307, headers={"Location": inside.url})
        sink = WebhookSink("hook", http_server.url, allow_private=True)
        with pytest.raises(SinkError, match="redirects to another place"):
            sink.deliver(make_message())
        sink.close()
        assert inside.deliveries == []


def test_each_hop_to_the_same_host_is_checked_anew(
    names: dict[str, list[list[str]]], make_message: MakeMessage
) -> None:
    names["plant.example"] = [["127.0.0.1"], ["169.254.169.254"]]
    with WebhookReceiver() as receiver:
        receiver.plan(Reply(307, {"Location": "/moved"}))
        sink = WebhookSink("hook", f"http://plant.example:{receiver.port}/alerts", allow_private=True)
        with pytest.raises(SinkError, match="metadata service"):
            sink.deliver(make_message())
        sink.close()
        assert receiver.deliveries == []


def test_a_proxy_resolves_names_itself(
    http_server: HttpServer,
    names: dict[str, list[list[str]]],
    monkeypatch: pytest.MonkeyPatch,
    make_message: MakeMessage,
) -> None:
    """The proxy of the environment is the operator's choice; a private address that is written out is refused."""
    names["plant.example"] = [["127.0.0.1"]]
    monkeypatch.setenv("http_proxy", http_server.url)
    sink = WebhookSink("hook", "http://plant.example/alerts")
    sink.deliver(make_message())
    sink.close()
    assert http_server.requests[0].path == "http://plant.example/alerts"
    session = HttpSession(httpx.URL("http://10.0.0.1/"), where="webhook hook")
    with pytest.raises(SinkError, match=r"its address 10\.0\.0\.1 is a private one"):
        session.send("POST", session.url)
    session.close()


def test_the_probe_checks_too(names: dict[str, list[list[str]]]) -> None:
    names["plant.example"] = [["127.0.0.1"]]
    with WebhookReceiver() as receiver:
        keys = {"name": "plant", "url": f"http://plant.example:{receiver.port}/"}
        with pytest.raises(SinkError, match="is a private one"):
            WEBHOOK.probe(WEBHOOK.config.model_validate(keys), SinkContext())
        allowed = WEBHOOK.config.model_validate(keys | {"allow_private": True})
        assert WEBHOOK.probe(allowed, SinkContext()).endswith("answers")
