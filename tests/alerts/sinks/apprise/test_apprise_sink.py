"""Apprise, with its plug-in for JSON at a server on this computer, and servers that fail."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from anomaly.alerts import AlertMessage
from anomaly.alerts.sinks import AnsweringSink, Sink, SinkContext, SinkError
from anomaly.alerts.sinks.apprise.apprise_kind import APPRISE, AppriseConfig, build, probe
from anomaly.errors import ConfigError
from support.http_server import Answer, HttpServer

MakeMessage = Callable[..., AlertMessage]


def apprise(server: HttpServer, **keys: Any) -> Sink:
    settings = AppriseConfig.model_validate({"name": "crew", "address_env": "A", "timeout_s": 0.5} | keys)
    address = f"json://ann:s3cret@127.0.0.1:{server.port}/hook"
    return build(settings, SinkContext(environ={"A": address}))


def test_the_message(http_server: HttpServer, make_message: MakeMessage) -> None:
    message = make_message()
    sink = apprise(http_server, language="de")
    sink.deliver(message)
    (request,) = http_server.requests
    assert request.json["title"] == "pump klingt nicht normal."
    assert request.json["type"] == "failure"
    assert "Schwere: leichter Alarm\n" in request.json["message"]
    assert request.json["message"].endswith(f"\n\ncase.opened pump {message.id}")
    assert isinstance(sink, AnsweringSink)
    assert sink.last_answer == "JSON took it"


@pytest.mark.parametrize(
    ("answer", "words", "permanent"),
    [
        (Answer(401), "JSON answered 401", True),
        (Answer(404), "JSON answered 404", True),
        (Answer(429), "JSON answered 429", False),
        (Answer(500), "JSON answered 500", False),
        (Answer(hang=True), "JSON cannot be reached", False),
    ],
)
def test_a_service_that_refuses(
    http_server: HttpServer, make_message: MakeMessage, answer: Answer, words: str, permanent: bool
) -> None:
    http_server.answer = lambda _: answer
    with pytest.raises(SinkError, match=words) as caught:
        apprise(http_server).deliver(make_message())
    assert caught.value.permanent is permanent
    assert "s3cret" not in f"{caught.value} {caught.value.hint} {caught.value.__cause__!r}"


def test_a_service_that_is_away(http_server: HttpServer, make_message: MakeMessage) -> None:
    sink = apprise(http_server)
    http_server.stop()
    with pytest.raises(SinkError, match="cannot be reached"):
        sink.deliver(make_message())


def test_the_probe_sends_nothing(http_server: HttpServer) -> None:
    settings = AppriseConfig(name="crew", address_env="A")
    context = SinkContext(environ={"A": f"json://ann:s3cret@127.0.0.1:{http_server.port}"})
    assert probe(settings, context) == "the address is one of JSON; nothing was sent"
    assert http_server.requests == []


@pytest.mark.parametrize("address", ["nonsense://x", "words", "json://"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ConfigError, match="Apprise does not know the address") as caught:
        build(AppriseConfig(name="crew", address_env="A"), SinkContext(environ={"A": address}))
    assert address not in str(caught.value)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ConfigError, match="package apprise is missing") as caught:
        build(AppriseConfig(name="crew", address_env="A"), SinkContext(environ={"A": "json://x"}))
    assert caught.value.hint == "install it with `pip install 'anomaly[apprise]'`"


@pytest.mark.parametrize("keys", [{}, {"address_env": "A", "address_file": "b"}])
def test_one_address(keys: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="give one of address_env and address_file"):
        AppriseConfig.model_validate({"name": "crew"} | keys)


def test_people_read_it() -> None:
    assert APPRISE.audience == "people"
