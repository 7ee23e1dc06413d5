"""Lines of syslog over UDP, TCP and TLS, at servers on this computer, and servers that fail."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from anomaly.alerts import AlertMessage
from anomaly.alerts.sinks import Sink, SinkContext, SinkError
from anomaly.alerts.sinks.syslog.syslog_kind import SyslogConfig, build, probe
from anomaly.alerts.sinks.syslog.syslog_message import severity, syslog_line
from anomaly.alerts.wording import case_text
from support.certificate import Certificate
from support.syslog_receiver import SyslogReceiver, parsed
from support.waiting import wait_until

MakeMessage = Callable[..., AlertMessage]
StartSyslog = Callable[..., SyslogReceiver]


def config(port: int, transport: str = "tcp", **keys: Any) -> SyslogConfig:
    given = {"name": "log", "host": "127.0.0.1", "port": port, "transport": transport, "timeout_s": 1}
    return SyslogConfig.model_validate(given | keys)


def syslog(port: int, transport: str = "tcp", **keys: Any) -> Sink:
    return build(config(port, transport, **keys), SinkContext())


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_the_line(
    start_syslog: StartSyslog, certificate: Certificate, make_message: MakeMessage, transport: str
) -> None:
    receiver = start_syslog(transport, certificate if transport == "tls" else None)
    keys = {"ca_file": certificate.cert} if transport == "tls" else {}
    message = make_message()
    assert message.case is not None
    syslog(receiver.port, transport, facility="local0", hostname="node-1", **keys).deliver(message)
    wait_until(lambda: receiver.lines)
    (line,) = receiver.lines
    assert (line.facility, line.severity, line.host, line.app) == (16, 4, "node-1", "anomaly")
    assert (line.time, line.event) == ("2027-01-15T08:00:00.000Z", "case.opened")
    assert line.data == {
        "id": message.id,
        "event": "case.opened",
        "machine": "pump",
        "state": "ALARM",
        "score": "4.5",
        "pValue": "1e-05",
        "case": message.case.id,
        "kind": "machine",
        "caseState": "active-unacknowledged",
        "severity": "1",
        "openedAt": message.case.opened_at,
    }
    assert line.words.startswith("pump does not sound normal.; Severity: minor alarm; Since: ")


@pytest.mark.parametrize(
    ("event", "changes", "expected"),
    [
        ("case.opened", {"severity": 1}, 4),
        ("case.escalated", {"severity": 2}, 3),
        ("case.escalated", {"severity": 3}, 2),
        ("case.opened", {"kind": "sensor", "severity": 3}, 4),
        ("case.closed", {"severity": 3}, 5),
    ],
)
def test_severities(make_message: MakeMessage, event: str, changes: dict[str, Any], expected: int) -> None:
    message = make_message(event)
    assert message.case is not None
    assert severity(replace(message, case=replace(message.case, **changes))) == expected
    assert severity(AlertMessage("test", "pump", message.time)) == 6


def test_text_of_others_cannot_end_a_field(make_message: MakeMessage) -> None:
    evil = 'a"] [x b="c\\]\n<1>1 forged'
    message = replace(make_message("case.acknowledged"), by=evil)
    line = syslog_line(message, case_text(message), facility="user", hostname="a b\n\u00e4", app_name="")
    found = parsed(line)
    assert found.data["by"] == evil.replace("\n", " ")
    assert b"\n" not in line
    assert (found.host, found.app) == ("a_b__", "-")


def test_lines_keep_their_bounds(start_syslog: StartSyslog, make_message: MakeMessage) -> None:
    receiver = start_syslog("tcp")
    sink = syslog(receiver.port, language="de")
    messages = [make_message(event) for event in ("case.opened", "case.returned", "case.closed")]
    for message in messages:
        sink.deliver(message)
    assert [line.data["id"] for line in receiver.lines] == [message.id for message in messages]
    assert receiver.lines[1].words.startswith("pump klingt wieder normal.")


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_a_server_that_is_away(make_message: MakeMessage, start_syslog: StartSyslog, transport: str) -> None:
    receiver = start_syslog("tcp")
    receiver.stop()
    with pytest.raises(SinkError, match="refused") as caught:
        syslog(receiver.port, transport).deliver(make_message())
    assert not caught.value.permanent


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_server_that_does_not_answer(make_message: MakeMessage, transport: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        pytest.raises(SinkError, match=r"in time|timed out") as caught,
    ):
        syslog(deaf.getsockname()[1], transport, timeout_s=0.2).deliver(make_message())
    assert not caught.value.permanent


def test_a_server_that_cuts_the_connection(make_message: MakeMessage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def cut() -> None:
            connection, _ = server.accept()
            # Closing with this option resets the connection: what was not read is lost.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        thread = threading.Thread(target=cut)
        thread.start()
        with pytest.raises(SinkError, match="cannot be reached"):
            syslog(server.getsockname()[1]).deliver(make_message())
        thread.join(5)


def test_a_certificate_that_is_not_trusted(
    start_syslog: StartSyslog, certificate: Certificate, make_message: MakeMessage
) -> None:
    receiver = start_syslog("tls", certificate)
    with pytest.raises(SinkError, match="certificate verify failed"):
        syslog(receiver.port, "tls").deliver(make_message())
    assert receiver.lines == []


def test_a_server_that_ends_tls_without_a_word(
    start_syslog: StartSyslog, certificate: Certificate, make_message: MakeMessage
) -> None:
    receiver = start_syslog("tls", certificate)
    receiver.says_goodbye = False
    sink = syslog(receiver.port, "tls", ca_file=certificate.cert)
    sink.deliver(make_message())
    assert len(receiver.lines) == 1


def test_a_line_that_is_too_long_for_a_datagram(start_syslog: StartSyslog, make_message: MakeMessage) -> None:
    receiver = start_syslog("udp")
    message = make_message()
    assert message.case is not None
    long = replace(message, case=replace(message.case, summary="x" * 70_000, evidence={}))
    with pytest.raises(SinkError, match="too long") as caught:
        syslog(receiver.port, "udp").deliver(long)
    assert caught.value.permanent


def test_the_probe(start_syslog: StartSyslog) -> None:
    receiver = start_syslog("tcp")
    assert probe(config(receiver.port), SinkContext()) == f"127.0.0.1:{receiver.port} answers"
    assert "UDP does not show" in probe(config(514, "udp"), SinkContext())
    with pytest.raises(SinkError, match="is no known name"):
        probe(config(514, "udp", host="none.invalid"), SinkContext())
    receiver.stop()
    with pytest.raises(SinkError, match="does not answer"):
        probe(config(receiver.port), SinkContext())


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"ca_file": "x"}, "of no use without"),
        ({"facility": "kern"}, "local0"),
        ({"port": 0}, "greater than"),
    ],
)
def test_settings_that_cannot_be_used(keys: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        config(**{"port": 514} | keys)
