"""Connection to a real Mosquitto: accounts, refusals, TLS, and what cannot be a broker."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from anomaly.alerts import AlertMessage
from anomaly.alerts.sinks import SinkContext, SinkError
from anomaly.alerts.sinks.mqtt.mqtt_kind import MQTT
from anomaly.alerts.sinks.mqtt.mqtt_sink import MqttSink
from anomaly.errors import ConfigError
from anomaly.store.database.rows import LiveScore
from support.certificate import Certificate
from support.mqtt_broker import MOSQUITTO, Broker, Listener
from support.waiting import wait_until

MakeMessage = Callable[..., AlertMessage]
ROW = LiveScore("pump", 1_800_000_000.0, 12, 0.5, 0.25, "OK")


def passwords(tmp_path: Path) -> Path:
    file = tmp_path / "passwords"
    file.write_text("ann:right\n")
    tool = str(Path(str(MOSQUITTO)).parent.parent / "bin" / "mosquitto_passwd")
    subprocess.run([tool, "-U", str(file)], check=True)
    return file


def test_accounts(start_broker: Callable[..., Broker], tmp_path: Path, make_message: MakeMessage) -> None:
    broker = start_broker("allow_anonymous false", f"password_file {passwords(tmp_path)}")
    listener = Listener(broker.port, username="ann", password="right")
    for protocol in ("5", "3.1.1"):
        good = MqttSink(
            "house", "127.0.0.1", port=broker.port, username="ann", password="right", protocol=protocol
        )
        good.deliver(make_message())
        good.close()
        bad = MqttSink(
            *("house", "127.0.0.1"),
            port=broker.port,
            username="ann",
            password="wrong",
            protocol=protocol,
            timeout_s=1,
        )
        with pytest.raises(SinkError, match="the broker said: Not authorized") as caught:
            bad.deliver(make_message())
        bad.close()
        assert "wrong" not in str(caught.value)
        assert caught.value.permanent
    wait_until(lambda: len(listener.alerts()) == 2)
    listener.close()


def test_a_refusal_is_an_error(
    start_broker: Callable[..., Broker], tmp_path: Path, make_message: MakeMessage
) -> None:
    (tmp_path / "acl").write_text("topic write anomaly/status\n")
    broker = start_broker("allow_anonymous true", f"acl_file {tmp_path / 'acl'}")
    sink = MqttSink("house", "127.0.0.1", port=broker.port, timeout_s=2)
    with pytest.raises(SinkError, match="the broker refused the message: Not authorized") as caught:
        sink.deliver(make_message())
    sink.close()
    assert caught.value.hint == "allow this account to write to anomaly/pump/alerts"
    assert caught.value.permanent


def test_a_rejected_account_that_is_corrected_is_accepted(
    start_broker: Callable[..., Broker], tmp_path: Path, make_message: MakeMessage
) -> None:
    file = passwords(tmp_path)
    broker = start_broker("allow_anonymous false", f"password_file {file}")
    sink = MqttSink("house", "127.0.0.1", port=broker.port, username="new", password="right", timeout_s=5)
    sink.publish_score(ROW)
    for _ in range(2):
        with pytest.raises(SinkError, match="Not authorized") as caught:
            sink.deliver(make_message())
        assert caught.value.permanent
    file.write_text(file.read_text() + file.read_text().replace("ann:", "new:"))
    broker.kill()
    with pytest.raises(SinkError) as caught:
        sink.deliver(make_message())
    assert not caught.value.permanent
    broker.start()
    wait_until(lambda: delivered(sink, make_message()), 20)
    sink.close()


def delivered(sink: MqttSink, message: AlertMessage) -> bool:
    try:
        sink.deliver(message)
    except SinkError:
        return False
    return True


@pytest.mark.parametrize(
    ("code", "permanent"),
    [
        (0x84, True),
        (0x86, True),
        (0x87, True),
        (0x8A, True),
        (0x88, False),
        (0x89, False),
        (0x97, False),
        (0x9F, False),
    ],
)
def test_reason_codes_of_a_refused_connection(code: int, permanent: bool, make_message: MakeMessage) -> None:
    def refuse(server: socket.socket) -> None:
        caller, _ = server.accept()
        with caller:
            caller.recv(65_536)
            caller.sendall(bytes([0x20, 3, 0, code, 0]))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=refuse, args=(server,), daemon=True)
        thread.start()
        sink = MqttSink("house", "127.0.0.1", port=server.getsockname()[1], timeout_s=0.5)
        with pytest.raises(SinkError, match="the broker said") as caught:
            sink.deliver(make_message())
        sink.close()
        thread.join()
    assert caught.value.permanent is permanent


def test_a_broker_that_does_not_answer(make_message: MakeMessage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sink = MqttSink("house", "127.0.0.1", port=server.getsockname()[1], timeout_s=0.5)
        with pytest.raises(SinkError, match="cannot be reached: no answer in time"):
            sink.deliver(make_message())
        sink.close()


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls(
    start_broker: Callable[..., Broker], certificate: Certificate, make_message: MakeMessage
) -> None:
    broker = start_broker(
        "allow_anonymous true", f"certfile {certificate.cert}", f"keyfile {certificate.key}"
    )
    trusting = MqttSink(
        "house", "127.0.0.1", port=broker.port, tls=True, ca_file=certificate.cert, timeout_s=5
    )
    trusting.deliver(make_message())
    trusting.close()
    doubting = MqttSink("house", "127.0.0.1", port=broker.port, tls=True, timeout_s=1)
    with pytest.raises(SinkError, match="certificate verify failed"):
        doubting.deliver(make_message())
    doubting.close()


@pytest.mark.parametrize("topic", ["", "a/#", "+", "/a", "a/", "$SYS", "a\0b"])
def test_invalid_topics_are_refused(topic: str) -> None:
    with pytest.raises(ConfigError, match="cannot begin a topic"):
        MqttSink("house", "127.0.0.1", topic=topic)


@pytest.mark.parametrize("host", ["", "x" * 64, "a..b"])
def test_invalid_hosts_are_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="is no host name"):
        MqttSink("house", host)


def test_invalid_certificates_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="certificates cannot be read"):
        MqttSink("house", "127.0.0.1", tls=True, ca_file=tmp_path / "none.pem")


def test_usual_ports() -> None:
    assert "127.0.0.1:1883" in MqttSink("house", "127.0.0.1")._connection.where
    assert "127.0.0.1:8883" in MqttSink("house", "127.0.0.1", tls=True)._connection.where


def test_the_probe(start_broker: Callable[..., Broker], tmp_path: Path) -> None:
    broker = start_broker("allow_anonymous false", f"password_file {passwords(tmp_path)}")
    keys = {"name": "house", "host": "127.0.0.1", "port": broker.port, "username": "ann", "password_env": "P"}
    settings = MQTT.config.model_validate(keys | {"timeout_s": 1})
    right, wrong = SinkContext(environ={"P": "right"}), SinkContext(environ={"P": "wrong"})
    assert MQTT.probe(settings, right) == f"127.0.0.1:{broker.port} accepts the connection"
    with pytest.raises(SinkError, match="Not authorized") as caught:
        MQTT.probe(settings, wrong)
    assert caught.value.permanent
    broker.kill()
    with pytest.raises(SinkError, match="cannot be reached"):
        MQTT.probe(settings, right)
