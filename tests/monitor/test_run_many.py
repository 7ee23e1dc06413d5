"""Many machines in one process: each has its own sound, states and end, and none stops the others."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from anomaly.audio.files.recordings import read_16k
from anomaly.config import Site
from anomaly.errors import AnomalyError, ConfigError
from anomaly.monitor import run
from anomaly.monitor.plan import MonitorPlan
from anomaly.monitor.process.stop import Stop
from anomaly.monitor.records import EventRecord, Record, SecondRecord
from anomaly.monitor.run import monitor
from anomaly.monitor.session import MachineSession
from anomaly.monitor.sources.events import SoundBlock
from anomaly.store.store import DATABASE_NAME, Store
from support.sound_card import SoundServer, tone


@pytest.fixture
def site(pump_bundle: Path, tmp_path: Path) -> Site:
    return Site(models_dir=pump_bundle.parent, state_dir=tmp_path / "state")


@pytest.fixture
def sounds(pump_recordings: Path, tmp_path: Path) -> list[Path]:
    """Twelve seconds each of three pumps: well, failing, well."""
    found = []
    for number, kind in enumerate(("normal", "anomaly_outer_race", "normal")):
        files = sorted(pump_recordings.rglob(f"{kind}_*.wav"))[:2]
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, np.concatenate([read_16k(file) for file in files]), 16_000, subtype="FLOAT")
        found.append(path)
    return found


def plan_of(name: str, source: Path | str | None, device: str | None = None) -> MonitorPlan:
    path = None if source is None else str(source)
    return MonitorPlan(name, device, path, "mean", "student", 1.0, realtime=False, model="pump")


def seconds_of(records: list[Record], machine: str) -> list[SecondRecord]:
    return [record for record in records if isinstance(record, SecondRecord) and record.machine == machine]


def events_of(records: list[Record], name: str) -> list[EventRecord]:
    return [record for record in records if isinstance(record, EventRecord) and record.event == name]


def test_each_machine_is_scored_as_if_alone(site: Site, sounds: list[Path]) -> None:
    together: list[Record] = []
    names = ("one", "two", "three")
    plans = [plan_of(name, path) for name, path in zip(names, sounds, strict=True)]
    alarms = monitor(plans, site, together.append, sinks=[])
    assert alarms == 1
    for plan in plans:
        alone: list[Record] = []
        other = site.model_copy(update={"state_dir": site.state_dir / plan.machine})
        monitor([plan], other, alone.append, sinks=[])
        scores = [
            [(r.second, r.score, r.state) for r in seconds_of(x, plan.machine)] for x in (together, alone)
        ]
        assert scores[0] == scores[1]
        assert len(scores[0]) == 12
    with Store.open(site.state_dir / DATABASE_NAME) as store:
        assert {name: len(store.history.scores(name)) for name in names} == dict.fromkeys(names, 12)
        assert [(case.machine, case.kind) for case in store.cases.select()] == [("two", "machine")]


def test_a_failure_of_one_machine_is_reported_and_the_others_continue(
    site: Site, sounds: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    plans = [
        plan_of("well", sounds[0]),
        plan_of("damaged", tmp_path / "text.wav"),
        plan_of("missing", tmp_path / "nowhere.wav"),
        replace(plan_of("unknown", sounds[2]), model="turbine"),
    ]
    records: list[Record] = []
    assert monitor(plans, site, records.append, sinks=[]) == 0
    assert len(seconds_of(records, "well")) == 12
    failed = {event.machine: event for event in events_of(records, "machine.failed")}
    assert set(failed) == {"damaged", "missing", "unknown"}
    assert "nowhere.wav" in failed["missing"].message
    with Store.open(site.state_dir / DATABASE_NAME) as store:
        assert {event.machine for event in store.history.events() if event.event == "machine.failed"} == set(
            failed
        )


def test_a_bundle_that_appears_is_taken_up_without_a_restart(
    site: Site, sounds: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "RETRY_EVERY_S", 0.1)
    bundle = site.models_dir / "pump"
    site = site.model_copy(update={"models_dir": tmp_path / "models"})
    shutil.copytree(bundle, site.models_dir / "pump")
    plans = [
        replace(plan_of("well", sounds[0]), realtime=True),
        replace(plan_of("late", sounds[2]), realtime=True, model="turbine"),
        replace(plan_of("closed", None), fault=ConfigError("the environment variable YARD is not set")),
    ]
    records: list[Record] = []

    def show(record: Record) -> None:
        records.append(record)
        if len(seconds_of(records, "well")) == 2 and not (site.models_dir / "turbine").exists():
            shutil.copytree(bundle, site.models_dir / "turbine.new")
            (site.models_dir / "turbine.new").rename(site.models_dir / "turbine")

    monitor(plans, site, show, sinks=[])
    assert len(seconds_of(records, "well")) == 12
    assert [event.machine for event in events_of(records, "machine.failed")] == ["late", "closed"]
    (taken_up,) = events_of(records, "model.activated")
    assert taken_up.machine == "late"
    assert 2 <= len(seconds_of(records, "late")) < 12


def test_a_bug_in_one_machine_does_not_stop_the_others(
    site: Site, sounds: list[Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    process = MachineSession.process

    def odd(session: MachineSession, event: SoundBlock) -> list[Record]:
        if session.plan.machine == "odd":
            raise ZeroDivisionError("a bug")
        return process(session, event)

    monkeypatch.setattr(MachineSession, "process", odd)
    records: list[Record] = []
    monitor([plan_of("odd", sounds[0]), plan_of("well", sounds[2])], site, records.append, sinks=[])
    assert len(seconds_of(records, "well")) == 12
    assert seconds_of(records, "odd") == []
    assert [event.machine for event in events_of(records, "machine.failed")] == ["odd"]
    assert "odd is no longer monitored" in caplog.text


def test_without_a_working_machine_the_first_error_is_raised_and_the_others_are_logged(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = [plan_of(name, tmp_path / f"{name}.wav") for name in ("a", "b")]
    with pytest.raises(AnomalyError, match=r"[ab]\.wav") as caught:
        monitor(nowhere, site, lambda _: None, sinks=[])
    assert caught.value.exit_code == 4
    other = site.model_copy(update={"state_dir": tmp_path / "other"})
    unknown = [replace(plan, model="turbine") for plan in nowhere]
    with pytest.raises(AnomalyError) as caught:
        monitor(unknown, other, lambda _: None, sinks=[])
    assert [line.startswith("b is not monitored: ") for line in caplog.messages][-1]
    assert caught.value.exit_code == 5
    assert not (tmp_path / "other").exists()
    with pytest.raises(ConfigError, match="standard input"):
        monitor([plan_of("a", "-"), plan_of("b", "-")], site, lambda _: None, sinks=[])


class _Lines:
    """Collector of records that requests the stop once there are enough."""

    def __init__(self, stop: Stop) -> None:
        self.records: list[Record] = []
        self._stop = stop

    def show(self, record: Record) -> None:
        json.dumps(record.to_dict())
        self.records.append(record)
        counts = [len(seconds_of(self.records, name)) for name in ("left", "right")]
        if min(counts) >= 2 and events_of(self.records, "device.lost"):
            self._stop.request()


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    """Stop request of the next run; it is made after a minute at the latest."""
    made = Stop()
    monkeypatch.setattr(run, "Stop", lambda: made)
    timer = threading.Timer(60, made.request)
    timer.start()
    yield made
    timer.cancel()


def test_machines_at_one_device_share_its_capture_and_a_missing_device_is_waited_for(
    site: Site, pulse_microphone: SoundServer, stop: Stop
) -> None:
    pulse_microphone.play(tone(440))
    plans = [
        replace(plan_of("left", None, "pulse:mic"), channel=0),
        replace(plan_of("right", None, "pulse:mic"), channel=1),
        replace(plan_of("beyond", None, "pulse:mic"), channel=63),
        plan_of("absent", None, "pulse:nothing"),
    ]
    lines = _Lines(stop)
    monitor(plans, site, lines.show, sinks=[])
    opened = {event.machine for event in events_of(lines.records, "device.opened")}
    assert {"left", "right"} <= opened
    assert {"left", "right"} <= {
        record.machine for record in lines.records if isinstance(record, SecondRecord)
    }
    lost = {event.machine for event in events_of(lines.records, "device.lost")}
    assert lost <= {"beyond", "absent"}
    assert lost
    assert {r.capture for r in seconds_of(lines.records, "left")} == {"healthy"}
    children = psutil.Process().children(recursive=True)
    assert [child for child in children if "anomaly.audio.capture.worker" in child.cmdline()] == []
