"""Sparkplug B at a real Mosquitto, decoded by a host of the tests' own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anomaly.alerts import AlertMessage, Case
from anomaly.alerts.sinks import LiveSink, SinkContext, SinkError, StateSink
from anomaly.alerts.sinks.harness import example_message
from anomaly.alerts.sinks.sparkplug.sparkplug_kind import SPARKPLUG, SparkplugConfig, probe
from anomaly.alerts.sinks.sparkplug.sparkplug_sink import SparkplugSink
from anomaly.config import Site
from anomaly.errors import ConfigError
from anomaly.store.cases.case import iso_utc
from anomaly.store.database.rows import UNKNOWN, LiveScore
from support.certificate import Certificate
from support.mqtt_broker import Broker, passwords
from support.sparkplug_host import SparkplugHost, rebirth_command

MakeSink = Callable[..., SparkplugSink]
TIME_S = 1_800_000_000.0
ROW = LiveScore("pump", TIME_S, 12, 0.5, 0.25, "OK", "ok", "running")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    pump = {"device": "hw:0", "display_name": "Pump 1", "location": "Hall 3", "cmms_number": "A-17"}
    return Site.model_validate(
        {"state_dir": str(tmp_path / "state"), "machines": {"pump": pump, "fan": {"device": "hw:1"}}}
    )


@pytest.fixture
def make_sink(broker: Broker, site: Site) -> Iterator[MakeSink]:
    made: list[SparkplugSink] = []

    def make(test_only: bool = False, **keys: Any) -> SparkplugSink:
        usual = {"name": "scada", "host": "127.0.0.1", "port": broker.port, "timeout_s": 2}
        context = SinkContext(tuple(site.machines), {"P": "s3cret"}, test_only=test_only, site=site)
        made.append(SPARKPLUG.build(SparkplugConfig.model_validate(usual | keys), context))
        return made[-1]

    yield make
    for sink in made:
        sink.close()


@pytest.fixture
def host(broker: Broker) -> Iterator[SparkplugHost]:
    opened = SparkplugHost(broker.port)
    yield opened
    opened.close()


def sequences(host: SparkplugHost) -> list[int | None]:
    """Return the numbers of all messages since the newest birth of the node."""
    begin = max(place for place, one in enumerate(host.received) if one.kind == "NBIRTH")
    return [one.sequence for one in host.received[begin:] if one.kind != "NDEATH"]


def test_protocols(make_sink: MakeSink) -> None:
    sink = make_sink()
    assert isinstance(sink, LiveSink)
    assert isinstance(sink, StateSink)


def test_births_before_data(make_sink: MakeSink, host: SparkplugHost) -> None:
    sink = make_sink()
    message = example_message()
    sink.deliver(message)
    (data,) = host.wait_for("DDATA", 1, "pump")
    assert [one.kind for one in host.received] == ["NBIRTH", "DBIRTH", "DBIRTH", "DDATA"]
    assert sequences(host) == [0, 1, 2, 3]
    (birth,) = host.of("NBIRTH")
    assert birth.values["Node Control/Rebirth"] is False
    assert isinstance(birth.values["bdSeq"], int)
    assert all(one.qos == 0 and not one.retained for one in host.received)
    assert all(metric.name and metric.alias for one in host.of("DBIRTH", "pump") for metric in one.metrics)
    aliases = [metric.alias for one in host.received if one.kind == "DBIRTH" for metric in one.metrics]
    assert len(set(aliases)) == len(aliases)
    assert data.values["Case/Message"] == message.id
    assert sink.last_answer.endswith("has processed it")


def test_the_birth_of_a_machine(make_sink: MakeSink, host: SparkplugHost) -> None:
    make_sink().publish_open_cases([])
    (birth,) = host.wait_for("DBIRTH", 1, "pump")
    found = birth.values
    assert (found["Properties/Display Name"], found["Properties/Location"]) == ("Pump 1", "Hall 3")
    assert (found["State"], found["Score"], found["Open Cases"]) == ("UNKNOWN", None, 0)
    assert found["Case/ID"] is None


def test_a_message_about_a_case(make_sink: MakeSink, host: SparkplugHost) -> None:
    case = Case("pump", "machine", iso_utc(TIME_S), "bad", severity=2, asset={"criticality": "critical"})
    message = AlertMessage(
        "case.acknowledged", "pump", iso_utc(TIME_S + 5), case.acknowledged("ann", iso_utc(TIME_S)), by="ann"
    )
    make_sink().deliver(message)
    (data,) = host.wait_for("DDATA", 1, "pump")
    assert data.values == {
        "Case/Message": message.id,
        "Case/Event": "case.acknowledged",
        "Case/ID": case.id,
        "Case/Kind": "machine",
        "Case/State": "active-acknowledged",
        "Case/Active": True,
        "Case/Acknowledged": True,
        "Case/Severity": 2,
        "Case/Urgency": 8,
        "Case/Opened": int(TIME_S * 1000),
        "Case/Text": "The case of Pump 1 (Hall 3) is acknowledged. By ann.",
        "Case/By": "ann",
        "Case/Note": None,
    }
    assert {metric.time_ms for metric in data.metrics} == {int((TIME_S + 5) * 1000)}


def test_a_repetition_is_published_once(make_sink: MakeSink, host: SparkplugHost) -> None:
    sink = make_sink()
    message, other = example_message(), example_message()
    for one in (message, message, other, message):
        sink.deliver(one)
    host.wait_for("DDATA", 2, "pump")
    assert [found["Case/Message"] for found in host.cases()] == [message.id, other.id]


def test_scores(make_sink: MakeSink, host: SparkplugHost) -> None:
    sink = make_sink()
    sink.publish_open_cases([])
    host.wait_for("DBIRTH", 2 - 1, "fan")
    wait_for_connection(sink)
    sink.publish_score(ROW)
    sink.publish_score(replace(ROW, time_s=TIME_S + 10, second=22, score=4.5))
    first, second = host.wait_for("DDATA", 2, "pump")
    assert first.values == {
        "State": "OK", "Score": 0.5, "P Value": 0.25, "Sensor State": "ok", "Operating State": "running",
        "Last Sound": int(TIME_S * 1000),
    }  # fmt: skip
    assert second.values == {"Score": 4.5, "Last Sound": int((TIME_S + 10) * 1000)}


def wait_for_connection(sink: SparkplugSink) -> None:
    sink._node.require(5)


def test_a_machine_without_sound_is_dead(make_sink: MakeSink, host: SparkplugHost) -> None:
    sink = make_sink()
    wait_for_connection(sink)
    sink.publish_score(ROW)
    # A faulty microphone is reported; without sound, there is nothing to report.
    sink.publish_score(replace(ROW, score=None, p_value=None, state=UNKNOWN, sensor="silent"))
    sink.publish_score(replace(ROW, score=None, p_value=None, state=UNKNOWN, sensor=None))
    host.wait_for("DDEATH", 1, "pump")
    sink.publish_score(ROW)
    again = host.wait_for("DBIRTH", 2, "pump")[1]
    assert again.values["State"] == "OK"
    faulty = host.of("DDATA", "pump")[1].values
    assert (faulty["State"], faulty["Score"], faulty["Sensor State"]) == ("UNKNOWN", None, "silent")
    assert sequences(host) == list(range(len(sequences(host))))


def test_open_cases(make_sink: MakeSink, host: SparkplugHost) -> None:
    sink = make_sink()
    wait_for_connection(sink)
    case = Case("pump", "machine", iso_utc(TIME_S), "bad")
    sink.publish_open_cases([case])
    (data,) = host.wait_for("DDATA", 1, "pump")
    assert (data.values["Open Cases"], data.values["Case/ID"], data.values["Case/Active"]) == (
        1,
        case.id,
        True,
    )
    sink.publish_open_cases([case])
    sink.publish_open_cases([])
    assert host.wait_for("DDATA", 2, "pump")[1].values == {"Open Cases": 0}


def test_a_rebirth(make_sink: MakeSink, host: SparkplugHost) -> None:
    sink = make_sink()
    sink.deliver(example_message())
    host.wait_for("DDATA", 1, "pump")
    host.command("monitor", b"nonsense")
    host.command("monitor", rebirth_command(b"Node Control/Reboot"))
    host.command("monitor", rebirth_command())
    births = host.wait_for("NBIRTH", 2)
    assert births[0].values["bdSeq"] == births[1].values["bdSeq"]
    host.wait_for("DBIRTH", 2, "fan")
    assert sequences(host) == [0, 1, 2]
    assert host.of("DBIRTH", "pump")[1].values["Case/Event"] == "case.opened"
    sink.deliver(example_message())
    host.wait_for("DDATA", 2, "pump")
    assert sequences(host) == [0, 1, 2, 3]


def test_the_numbers_wrap(make_sink: MakeSink, host: SparkplugHost) -> None:
    sink = make_sink()
    wait_for_connection(sink)
    for second in range(300):
        sink.publish_score(replace(ROW, score=float(second), second=second + 1))
    host.wait_for("DDATA", 300, "pump")
    assert sequences(host) == [number % 256 for number in range(303)]


def test_the_end(make_sink: MakeSink, host: SparkplugHost) -> None:
    sink = make_sink()
    sink.deliver(example_message())
    sink.close()
    (death,) = host.wait_for("NDEATH")
    (birth,) = host.of("NBIRTH")
    assert death.values == {"bdSeq": birth.values["bdSeq"]}
    assert death.sequence is None


def test_a_new_connection(make_sink: MakeSink, host: SparkplugHost, broker: Broker) -> None:
    sink = make_sink()
    sink.deliver(example_message())
    broker.kill()
    broker.start()
    host.wait_for_subscription(2)
    message = example_message()
    deadline = time.monotonic() + 20
    while True:
        try:
            sink.deliver(message)
            break
        except SinkError:
            assert time.monotonic() < deadline
    one, two = host.wait_for("NBIRTH", 2)
    assert two.values["bdSeq"] == (one.values["bdSeq"] + 1) % 256
    assert host.wait_for("DDATA", 2, "pump")[1].values["Case/Message"] == message.id


KILLED = """
import sys, time
from pathlib import Path
from anomaly.alerts.sinks import SinkContext
from anomaly.alerts.sinks.harness import example_message
from anomaly.alerts.sinks.sparkplug.sparkplug_kind import SPARKPLUG, SparkplugConfig
from anomaly.config import Site
site = Site.model_validate({"state_dir": sys.argv[2], "machines": {"pump": {"device": "hw:0"}}})
config = SparkplugConfig(name="scada", host="127.0.0.1", port=int(sys.argv[1]))
sink = SPARKPLUG.build(config, SinkContext(("pump",), {}, site=site))
sink.deliver(example_message())
print("delivered", flush=True)
time.sleep(60)
"""


def test_kill(broker: Broker, host: SparkplugHost, tmp_path: Path) -> None:
    for number in (1, 2):
        command = [sys.executable, "-c", KILLED, str(broker.port), str(tmp_path / "state")]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"delivered\n"
            os.kill(process.pid, signal.SIGKILL)
        deaths, births = host.wait_for("NDEATH", number), host.of("NBIRTH")
        # The broker publishes the will of the connection whose birth has the same number.
        assert deaths[-1].values == {"bdSeq": births[-1].values["bdSeq"]}
    assert births[1].values["bdSeq"] == (births[0].values["bdSeq"] + 1) % 256


def test_a_primary_host(make_sink: MakeSink, host: SparkplugHost) -> None:
    sink = make_sink(primary_host="ignition", timeout_s=0.5)
    message = example_message()
    with pytest.raises(SinkError, match="the primary host is offline") as caught:
        sink.deliver(message)
    assert not caught.value.permanent
    assert host.received == []
    host.state("ignition", online=True, time_ms=1000)
    host.wait_for("NBIRTH")
    sink.deliver(message)
    # The last will of an earlier session of the host.
    host.state("ignition", online=False, time_ms=999)
    sink.deliver(example_message())
    host.state("ignition", online=False, time_ms=2000)
    host.wait_for("NDEATH")
    with pytest.raises(SinkError, match="the primary host is offline"):
        sink.deliver(example_message())
    host.state("ignition", online=True, time_ms=3000)
    one, two = host.wait_for("NBIRTH", 2)
    assert one.values["bdSeq"] != two.values["bdSeq"]


def test_a_test_leaves_nothing(make_sink: MakeSink, host: SparkplugHost, broker: Broker) -> None:
    sink = make_sink(test_only=True)
    sink.deliver(AlertMessage("test", "pump", iso_utc(TIME_S)))
    assert sink.last_answer == f"127.0.0.1:{broker.port} accepts the connection; nothing was published"
    sink.publish_score(ROW)
    sink.publish_open_cases([])
    sink.close()
    other = make_sink(node="other")
    other.deliver(AlertMessage("test", "pump", iso_utc(TIME_S)))
    host.wait_for("DBIRTH", 1, "fan")
    assert len(host.of("NBIRTH")) == 1


def test_probe(broker: Broker, host: SparkplugHost, site: Site) -> None:
    config = SparkplugConfig(name="scada", host="127.0.0.1", port=broker.port)
    assert probe(config, SinkContext(site=site)) == f"127.0.0.1:{broker.port} accepts the connection"
    assert host.received == []
    broker.kill()
    with pytest.raises(SinkError, match=r"sparkplug scada at 127\.0\.0\.1"):
        probe(config.model_copy(update={"timeout_s": 0.5}), SinkContext(site=site))


def test_tls_and_account(
    start_broker: Callable[..., Broker], certificate: Certificate, site: Site, tmp_path: Path
) -> None:
    files = (f"certfile {certificate.cert}", f"keyfile {certificate.key}")
    broker = start_broker(*files, "allow_anonymous false", f"password_file {passwords(tmp_path, 's3cret')}")
    keys = {"port": broker.port, "tls": True, "ca_file": certificate.cert, "username": "anomaly"}
    account = keys | {"password_env": "P", "name": "scada", "host": "127.0.0.1", "timeout_s": 2}
    config, context = SparkplugConfig.model_validate(account), SinkContext(environ={"P": "s3cret"}, site=site)
    assert probe(config, context).endswith("accepts the connection")
    with pytest.raises(SinkError, match="Not authorized") as caught:
        probe(config, SinkContext(environ={"P": "another"}, site=site))
    assert caught.value.permanent
    assert "another" not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"group": "a/b"}, "must be a name without"),
        ({"node": "+"}, "must be a name without"),
        ({"primary_host": "#"}, "must be a name without"),
        ({"password_env": "P"}, "a password needs a username"),
        ({"ca_file": "x"}, "ca_file is of no use without tls: true"),
    ],
)
def test_settings_that_cannot_be(keys: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SparkplugConfig.model_validate({"name": "scada", "host": "b"} | keys)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch, make_sink: MakeSink) -> None:
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    with pytest.raises(ConfigError, match="protobuf is missing") as caught:
        make_sink()
    assert caught.value.hint == "install it with `pip install 'anomaly[sparkplug]'`"
