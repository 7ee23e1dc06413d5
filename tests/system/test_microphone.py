"""From a real microphone to a case, a web hook and a broker; and the effect of a faulty microphone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from anomaly.alerts.webhook_receiver import WebhookReceiver
from anomaly.store.store import DATABASE_NAME, Store
from support.sound_card import SoundServer

pytestmark = pytest.mark.slow

SITE = """
machines:
  pump:
    device: {device}
sinks:
  webhook:
    - name: plant
      url: {url}
      allow_private: true
      secret_env: PLANT_SECRET
  mqtt:
    - name: house
      host: 127.0.0.1
      port: {port}
"""


def unix_s(record: dict[str, Any]) -> float:
    return datetime.fromisoformat(record["time"]).timestamp()


def stored_seconds(folder: Path) -> list[int]:
    with Store.open(folder / "state" / DATABASE_NAME, create=False) as store:
        return [row.second for row in store.history.scores("pump")]


def test_a_failing_pump_at_the_microphone_is_reported_once_to_each_sink(
    pulse_microphone: SoundServer,
    workshop: Path,
    pump_sounds: dict[str, np.ndarray],
    broker: Any,
    listener: Any,
    listen: Callable[..., Any],
    finish: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    pulse_microphone.play(pump_sounds["healthy"])
    with WebhookReceiver(b"s3cret") as receiver:
        site = SITE.format(device=pulse_microphone.device, url=receiver.url, port=broker.port)
        (workshop / "site.yaml").write_text(site)
        monitor = listen(PLANT_SECRET="s3cret")
        monitor.wait_for(lambda: len(monitor.seconds) >= 8)
        for record in monitor.seconds:
            assert {"time", "machine", "score", "p_value", "state"} <= set(record)
            assert (record["machine"], record["sensor"]) == ("pump", "ok")
            assert record["state"] != "ALARM"
        assert unix_s(monitor.seconds[-1]) == pytest.approx(time.time(), abs=5)
        # Live states are not queued: a connection that comes late would tell of the alarm only.
        monitor.wait_for(lambda: listener.on("anomaly/pump/state"))
        pulse_microphone.play(pump_sounds["failing"])
        (opened,) = monitor.wait_for(lambda: monitor.events("case.opened"))
        assert (opened["kind"], opened["machine"]) == ("machine", "pump")
        assert receiver.wait_for(1, 10)
        alerts = monitor.wait_for(listener.alerts, 10)
        done = finish("anomaly cases list --json", workshop)
        monitor.wait_for(lambda: len(monitor.seconds) >= 24)
        assert monitor.stop() == 0
        for told in (receiver.messages, listener.alerts()):
            # The case may become more severe while it sounds; it is opened once.
            first, *later = [message["event"] for message in told]
            assert (first, set(later) <= {"case.escalated"}) == ("case.opened", True)
        assert not any(delivery.repeated for delivery in receiver.deliveries)
    (case,) = json.loads(done.stdout)
    for message in (receiver.messages[0], alerts[0]):
        assert (message["case"]["id"], message["machine"], message["state"]) == (
            opened["case"],
            "pump",
            "ALARM",
        )
    assert case["id"] == opened["case"]
    # Until the first second nothing is known of the machine.
    states = [
        one.json["state"] for one in listener.on("anomaly/pump/state") if one.json["state"] != "unknown"
    ]
    assert (states[0] in ("OK", "WATCH"), "ALARM" in states) == (True, True)
    assert monitor.errors == ""


def test_a_dead_sound_server_is_a_sensor_case_within_five_seconds_and_is_survived(
    pulse_microphone: SoundServer,
    workshop: Path,
    pump_sounds: dict[str, np.ndarray],
    listen: Callable[..., Any],
) -> None:
    pulse_microphone.play(pump_sounds["healthy"])
    monitor = listen()
    monitor.wait_for(lambda: len(monitor.seconds) >= 3)
    killed_s = time.time()
    pulse_microphone.kill()
    (opened,) = monitor.wait_for(lambda: monitor.events("case.opened"))
    assert unix_s(opened) - killed_s < 5
    assert opened["kind"] == "sensor"
    assert [event["event"] for event in monitor.events("device.lost")] == ["device.lost"]
    count = len(monitor.seconds)
    pulse_microphone.start()
    pulse_microphone.play(pump_sounds["healthy"])
    monitor.wait_for(lambda: monitor.events("sensor.recovered"))
    monitor.wait_for(lambda: monitor.seconds[-1]["score"] is not None)
    assert [record["second"] for record in monitor.seconds[count : count + 3]] == [
        count,
        count + 1,
        count + 2,
    ]
    assert monitor.stop() == 0
    with Store.open(workshop / "state" / DATABASE_NAME) as store:
        assert [(case.kind, case.state.value) for case in store.cases.select()] == [("sensor", "closed")]
    assert stored_seconds(workshop) == [record["second"] for record in monitor.seconds]


def test_a_monitor_of_a_site_waits_for_a_missing_microphone(
    pulse_microphone: SoundServer,
    workshop: Path,
    pump_sounds: dict[str, np.ndarray],
    start: Callable[..., Any],
) -> None:
    (workshop / "site.yaml").write_text("machines:\n  pump: {device: 'pulse:later'}\n")
    monitor = start("anomaly monitor --jsonl", workshop)
    (opened,) = monitor.wait_for(lambda: monitor.events("case.opened"))
    assert (opened["kind"], opened["fault"]) == ("sensor", "lost")
    pulse_microphone.play(pump_sounds["healthy"])
    pulse_microphone.control("load-module", "module-remap-source", "master=room.monitor", "source_name=later")
    monitor.wait_for(lambda: monitor.events("sensor.recovered"))
    monitor.wait_for(lambda: monitor.seconds[-1]["score"] is not None)
    assert monitor.stop() == 0
    assert [event["case"] for event in monitor.events("case.opened")] == [opened["case"]]


def test_digital_silence_is_a_sensor_case(
    pulse_microphone: SoundServer,
    workshop: Path,
    pump_sounds: dict[str, np.ndarray],
    listen: Callable[..., Any],
) -> None:
    monitor = listen()
    (opened,) = monitor.wait_for(lambda: monitor.events("case.opened"))
    assert (opened["kind"], "delivers no sound" in opened["message"]) == ("sensor", True)
    assert {(record["sensor"], record["score"]) for record in monitor.seconds} == {("silent", None)}
    pulse_microphone.play(pump_sounds["healthy"])
    monitor.wait_for(lambda: monitor.events("sensor.recovered"))
    monitor.wait_for(lambda: monitor.seconds[-1]["score"] is not None)
    assert monitor.stop() == 0
    assert {event["kind"] for event in monitor.events("case.opened")} == {"sensor"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_monitor_and_capture_and_all_shown_records_are_stored(
    workshop: Path,
    listen: Callable[..., Any],
    number: signal.Signals,
    code: int,
) -> None:
    monitor = listen()
    monitor.wait_for(lambda: len(monitor.seconds) >= 2)
    (capture,) = monitor.capture_processes()
    assert monitor.stop(number) == code
    assert not capture.is_running()
    assert "Traceback" not in monitor.errors
    assert stored_seconds(workshop) == [record["second"] for record in monitor.seconds]


def test_kill_9_ends_all_children_and_the_next_monitor_continues_the_case(
    pulse_microphone: SoundServer,
    workshop: Path,
    pump_sounds: dict[str, np.ndarray],
    listen: Callable[..., Any],
) -> None:
    pulse_microphone.play(pump_sounds["failing"])
    monitor = listen()
    monitor.wait_for(lambda: monitor.events("case.opened"))
    children = psutil.Process(monitor.pid).children(recursive=True)
    assert set(monitor.capture_processes()) <= set(children)
    os.kill(monitor.pid, signal.SIGKILL)
    _, left = psutil.wait_procs(children, timeout=30)
    assert left == []
    again = listen()
    again.wait_for(lambda: again.seconds and again.seconds[-1]["state"] == "ALARM")
    again.wait_for(lambda: len(again.seconds) >= 8)
    assert again.stop() == 0
    assert again.events("case.opened") == []
    with Store.open(workshop / "state" / DATABASE_NAME) as store:
        assert [case.state.value for case in store.cases.select()] == ["active-unacknowledged"]
