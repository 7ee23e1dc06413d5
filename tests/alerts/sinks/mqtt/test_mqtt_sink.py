"""MQTT against a real Mosquitto: states, last will, Home Assistant, and a broker that dies."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby

import pytest

from anomaly.alerts import AlertMessage, Case, Dispatcher, Store
from anomaly.alerts.sinks import LiveSink
from anomaly.alerts.sinks.mqtt.mqtt_sink import MqttSink
from anomaly.store.cases.case import unix_s
from anomaly.store.database.rows import LiveScore
from support.mqtt_broker import Broker, Listener, ReceivedMessage, free_port
from support.waiting import wait_until

MakeMessage = Callable[..., AlertMessage]
ROW = LiveScore("pump", 1_800_000_000.0, 12, 0.5, 0.25, "OK")
DEAF = LiveScore("pump", 1_800_000_000.0, 13, None, None, "unknown", "silent")


@pytest.fixture
def sink(broker: Broker) -> Iterator[MqttSink]:
    made = MqttSink("house", "127.0.0.1", port=broker.port, machines=["pump"], timeout_s=2)
    yield made
    made.close()


def test_topics(sink: MqttSink, listener: Listener, make_message: MakeMessage) -> None:
    message = make_message()
    sink.deliver(message)
    assert sink.last_answer.endswith(" confirmed it on anomaly/pump/alerts")
    wait_until(lambda: listener.on("anomaly/pump/alerts"))
    assert [one.json for one in listener.on("anomaly/pump/alerts")] == [message.to_dict()]
    assert [one.json for one in listener.on("anomaly/pump/state")] == [
        {"time": message.time, "state": "ALARM", "score": 4.5, "p_value": 1e-5, "sensor": "ok"}
    ]
    assert [one.text for one in listener.on("anomaly/status")] == ["online"]


def test_states_are_retained_and_alerts_are_not(
    sink: MqttSink, broker: Broker, listener: Listener, make_message: MakeMessage
) -> None:
    sink.deliver(make_message())
    wait_until(lambda: listener.alerts())
    late = Listener(broker.port)
    wait_until(lambda: late.on("anomaly/pump/state") and late.on("anomaly/status"))
    late.close()
    assert all(one.retained for one in late.received)
    assert late.alerts() == []


def test_home_assistant_finds_the_machines(
    sink: MqttSink, listener: Listener, make_message: MakeMessage, make_case: Callable[..., object]
) -> None:
    sink.deliver(make_message(case=make_case("fan")))
    wait_until(lambda: listener.alerts())
    for machine in ("pump", "fan"):
        state = listener.on(f"homeassistant/sensor/anomaly_{machine}/state/config")[0].json
        assert state["state_topic"] == f"anomaly/{machine}/state"
        assert state["availability"][0] == {"topic": "anomaly/status"}
        assert listener.on(f"homeassistant/binary_sensor/anomaly_{machine}/microphone/config")
        assert listener.on(f"homeassistant/sensor/anomaly_{machine}/score/config")
        assert listener.on(f"homeassistant/binary_sensor/anomaly_{machine}/alarm/config")
    assert sink.machines == ("pump", "fan")


def test_without_home_assistant(broker: Broker, listener: Listener, make_message: MakeMessage) -> None:
    sink = MqttSink("house", "127.0.0.1", port=broker.port, topic="works/north", discovery_prefix="")
    sink.deliver(make_message())
    wait_until(lambda: listener.alerts())
    sink.close()
    wait_until(lambda: listener.on("works/north/pump/availability"))
    assert {one.topic.removeprefix("works/north/") for one in listener.received} == {
        *("status", "pump/state", "pump/availability", "pump/alerts")
    }


def test_live_scores(sink: MqttSink, listener: Listener) -> None:
    assert isinstance(sink, LiveSink)
    sink.publish_score(ROW)
    wait_until(lambda: listener.on("anomaly/status"))
    sink.publish_score(ROW)
    wait_until(lambda: listener.on("anomaly/pump/state"))
    assert listener.on("anomaly/pump/state")[0].json == {
        **{"time": "2027-01-15T08:00:00.000Z", "state": "OK", "score": 0.5, "p_value": 0.25},
        "sensor": "ok",
    }


def test_a_machine_without_a_microphone_is_unknown_and_unavailable(
    sink: MqttSink, broker: Broker, listener: Listener, make_message: MakeMessage
) -> None:
    sink.publish_score(ROW)
    wait_until(lambda: listener.on("anomaly/pump/availability"))
    sink.publish_score(DEAF)
    sink.deliver(make_message())  # of a second before the microphone failed
    wait_until(lambda: listener.alerts())
    # A score that comes while the connection opens may be published twice, and another thread publishes the alert.
    wait_until(
        lambda: (
            [t for t, _ in groupby(m.text for m in listener.on("anomaly/pump/availability"))]
            == ["online", "offline"]
        )
    )
    late = Listener(broker.port)
    wait_until(lambda: late.on("anomaly/pump/state") and late.on("anomaly/pump/availability"))
    late.close()
    assert late.on("anomaly/pump/state")[0].json == {
        **{"time": "2027-01-15T08:00:00.000Z", "state": "unknown", "score": None, "p_value": None},
        "sensor": "silent",
    }
    assert late.on("anomaly/pump/availability")[0].text == "offline"


def test_live_scores_never_wait_or_pile_up(broker: Broker) -> None:
    sink = MqttSink("house", "127.0.0.1", port=free_port(), timeout_s=0.5)
    for _ in range(1000):
        sink.publish_score(ROW)
    assert not sink.waiting
    sink.close()


def test_close_publishes_offline(sink: MqttSink, listener: Listener, make_message: MakeMessage) -> None:
    sink.deliver(make_message())
    sink.close()
    wait_until(lambda: [one.text for one in listener.on("anomaly/status")] == ["online", "offline"])


def retained(broker: Broker, *topics: str) -> dict[str, ReceivedMessage]:
    """Return what a new subscriber gets of these topics."""
    late = Listener(broker.port)
    wait_until(lambda: all(late.on(topic) for topic in topics))
    late.close()
    return {topic: late.on(topic)[0] for topic in topics}


def state_topics(*machines: str) -> list[str]:
    return [f"anomaly/{machine}/{kind}" for machine in machines for kind in ("state", "availability")]


def is_unknown(found: dict[str, ReceivedMessage], machine: str) -> bool:
    state = found[f"anomaly/{machine}/state"].json
    assert (state["score"], state["p_value"], state["sensor"]) == (None, None, None)
    return state["state"] == "unknown" and found[f"anomaly/{machine}/availability"].text == "offline"


def test_after_a_clean_end_nothing_is_known_of_any_machine(
    sink: MqttSink, broker: Broker, listener: Listener
) -> None:
    # More than the client sends before the first of them is confirmed.
    machines = [f"m{number}" for number in range(40)]
    for machine in machines:
        sink.publish_score(replace(ROW, machine=machine))
    wait_until(lambda: listener.on("anomaly/m39/availability"))
    assert listener.on("anomaly/m39/state")[0].json["state"] == "OK"
    sink.close()
    found = retained(broker, "anomaly/status", *state_topics(*machines))
    assert found["anomaly/status"].text == "offline"
    assert [machine for machine in machines if not is_unknown(found, machine)] == []


def test_a_state_that_only_an_alert_has_published_ends_too(
    sink: MqttSink, broker: Broker, make_message: MakeMessage
) -> None:
    sink.deliver(make_message())
    assert retained(broker, "anomaly/pump/state")["anomaly/pump/state"].json["state"] == "ALARM"
    sink.close()
    assert is_unknown(retained(broker, *state_topics("pump")), "pump")


def test_an_alert_that_was_late_leaves_the_newer_state(
    sink: MqttSink, broker: Broker, listener: Listener, make_message: MakeMessage
) -> None:
    message = make_message()
    sink.publish_score(replace(ROW, time_s=unix_s(message.time) + 60))
    wait_until(lambda: listener.on("anomaly/pump/state"))
    sink.deliver(message)
    assert retained(broker, "anomaly/pump/state")["anomaly/pump/state"].json["state"] == "OK"


def test_the_states_that_a_killed_process_left_are_unknown_once_the_next_one_runs(
    sink: MqttSink, broker: Broker, listener: Listener, store: Store
) -> None:
    sink.publish_score(ROW)
    wait_until(lambda: listener.on("anomaly/pump/availability"))
    sink._connection._let_go(sink._connection._client)  # type: ignore[arg-type]
    later = MqttSink("works", "127.0.0.1", port=broker.port, machines=["pump", "fan"], timeout_s=2)
    # The fan is another monitor's: nothing is said of it.
    with Dispatcher(store, [later], watched=["pump"], clock=lambda: ROW.time_s, poll_s=0.02):
        wait_until(lambda: listener.on("anomaly/pump/availability")[-1].text == "offline")
        assert is_unknown(retained(broker, *state_topics("pump")), "pump")
    assert listener.on("anomaly/fan/state") == []


def test_the_last_will_of_a_killed_process(broker: Broker, listener: Listener) -> None:
    code = (
        "import sys; from anomaly.alerts import AlertMessage\n"
        "from anomaly.alerts.sinks.mqtt.mqtt_sink import MqttSink\n"
        "sink = MqttSink('house', '127.0.0.1', port=int(sys.argv[1]))\n"
        "sink.deliver(AlertMessage('test', 'pump', 'now')); print('delivered', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(broker.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "delivered\n"
        process.kill()
        process.wait()
    wait_until(lambda: [one.text for one in listener.on("anomaly/status")] == ["online", "offline"])


def test_retained_messages_are_published_again_after_a_restart_of_the_broker(
    sink: MqttSink, broker: Broker, listener: Listener, make_message: MakeMessage
) -> None:
    sink.deliver(make_message())
    wait_until(lambda: listener.alerts())
    broker.kill()
    listener.received.clear()
    broker.start()
    wait_until(lambda: listener.on("anomaly/status"), 15)
    wait_until(lambda: listener.on("homeassistant/sensor/anomaly_pump/state/config"))
    wait_until(lambda: listener.on("anomaly/pump/state"))


def test_the_dispatcher_publishes_stored_scores(
    sink: MqttSink, listener: Listener, store: Store, make_case: Callable[..., Case]
) -> None:
    with Dispatcher(store, [sink], clock=lambda: ROW.time_s, poll_s=0.02) as dispatcher:
        store.cases.open(make_case("fan"))
        assert dispatcher.drain(10)
        store.history.add_scores([ROW])
        wait_until(lambda: listener.on("anomaly/pump/state"))
    assert listener.on("anomaly/pump/state")[0].json["score"] == ROW.score


def test_a_test_leaves_no_trace_beside_a_running_monitor(
    sink: MqttSink, broker: Broker, listener: Listener, make_message: MakeMessage
) -> None:
    sink.deliver(make_message())
    wait_until(lambda: listener.on("anomaly/pump/state"))
    listener.received.clear()
    tester = MqttSink("house", "127.0.0.1", port=broker.port, machines=["pump"], timeout_s=2, test_only=True)
    tester.deliver(AlertMessage("test", "phantom", "now"))
    tester.deliver(make_message())
    tester.publish_score(ROW)
    tester.close()
    wait_until(lambda: len(listener.alerts()) == 2)
    late = Listener(broker.port)
    wait_until(lambda: late.on("anomaly/pump/state"))
    late.close()
    assert [one.text for one in late.on("anomaly/status")] == ["online"]
    assert not [one for one in late.received if "phantom" in one.topic]
    assert {one.topic for one in listener.received} == {
        *("anomaly/phantom/alerts", "anomaly/pump/alerts"),
        *(["anomaly/pump/state"] if listener.on("anomaly/pump/state") else []),
    }


def test_a_test_message_of_the_outbox_announces_no_machine(sink: MqttSink, listener: Listener) -> None:
    sink.deliver(AlertMessage("test", "phantom", "now"))
    wait_until(lambda: listener.on("anomaly/phantom/alerts"))
    assert not [one for one in listener.received if "anomaly_phantom" in one.topic]
