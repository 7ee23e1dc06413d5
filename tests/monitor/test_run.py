"""Run of the monitor: scores, delivery, a clean end, and a failed start that writes nothing."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from anomaly.alerts.wording import case_text
from anomaly.audio.files.recordings import read_16k
from anomaly.bundle import open_bundle
from anomaly.config import AnsweringSystem, Answers, Sinks, Site
from anomaly.detect.model import load_model
from anomaly.detector_names import BUILT_IN_DETECTORS
from anomaly.errors import AnomalyError, ConfigError
from anomaly.monitor.plan import MonitorPlan
from anomaly.monitor.records import EventRecord, Record, SecondRecord
from anomaly.monitor.run import monitor
from anomaly.store.outbox.message import AlertMessage
from anomaly.store.store import DATABASE_NAME, Store
from support.answers import SECRET, Response, make_answer, post
from support.mqtt_broker import free_port
from support.sound_card import SoundServer
from support.waiting import wait_until


class Kept:
    """A sink that keeps its messages."""

    name = "kept"

    def __init__(self) -> None:
        self.messages: list[AlertMessage] = []
        self.closed = False

    def deliver(self, message: AlertMessage) -> None:
        self.messages.append(message)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def site(pump_bundle: Path, tmp_path: Path) -> Site:
    return Site(models_dir=pump_bundle.parent, state_dir=tmp_path / "state")


@pytest.fixture(scope="module")
def failing(pump_recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Normal sound for twelve seconds, then a bearing that fails for twelve."""
    files = sorted(pump_recordings.rglob("normal_*.wav"))[:2]
    files += sorted(pump_recordings.rglob("anomaly_outer_race_*.wav"))[:2]
    path = tmp_path_factory.mktemp("sound") / "failing.wav"
    soundfile.write(path, np.concatenate([read_16k(file) for file in files]), 16_000, subtype="FLOAT")
    return path


def plan_for(source: Path | str | None, detector: str = "student", device: str | None = None) -> MonitorPlan:
    return MonitorPlan(
        "pump", device, None if source is None else str(source), "mean", detector, 1.0, realtime=False
    )


def watched(plan: MonitorPlan, site: Site) -> list[SecondRecord]:
    records: list[Record] = []
    monitor([plan], site, records.append, sinks=[])
    return [record for record in records if isinstance(record, SecondRecord)]


@pytest.mark.parametrize("detector", BUILT_IN_DETECTORS)
def test_scores_are_those_of_the_recording_to_the_last_bit(site: Site, failing: Path, detector: str) -> None:
    first, second = (watched(plan_for(failing, detector), site) for _ in range(2))
    judged = load_model(open_bundle(site.models_dir / "pump")).scorer(detector).recording(read_16k(failing))
    expected = [(s.second, s.score, s.p_value, tuple(s.groups)) for s in judged]
    for records in (first, second):
        assert [(r.second, r.score, r.p_value, r.groups) for r in records] == expected
    with Store.open(site.state_dir / DATABASE_NAME) as store:
        stored = [(row.second, row.score) for row in store.history.scores("pump")]
    assert sorted(stored) == sorted([(s.second, s.score) for s in judged] * 2)


def test_a_failing_pump_ends_in_one_delivered_case(site: Site, failing: Path) -> None:
    sink, records = Kept(), list[Record]()
    assert monitor([plan_for(failing)], site, records.append, sinks=[sink]) == 1
    opened = [message for message in sink.messages if message.event == "case.opened"]
    assert len(opened) == 1
    assert opened[0].case is not None
    assert (opened[0].machine, opened[0].state, opened[0].case.kind) == ("pump", "ALARM", "machine")
    # The failing bearing adds sound.
    assert 1.0 < opened[0].case.evidence["suspects"][0]["change_db"] < 40.0
    assert " dB louder than normal." in case_text(opened[0]).plain
    assert sink.closed
    names = [record.event for record in records if isinstance(record, EventRecord)]
    assert "case.opened" in names
    alarm = next(r.second for r in records if isinstance(r, SecondRecord) and r.state == "ALARM")
    assert 12 <= alarm <= 18


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"source": "nowhere.wav"}, 4),
        ({"source": None, "device": "hw:0"}, 6),
        ({"source": None}, 3),
        ({"machine": "fan"}, 5),
    ],
)
@pytest.mark.usefixtures("no_inputs")
def test_a_failed_start_writes_nothing(
    site: Site, failing: Path, change: dict[str, str | None], code: int
) -> None:
    with pytest.raises(AnomalyError) as caught:
        monitor([replace(plan_for(failing), **change)], site, lambda _: None, sinks=[])
    assert caught.value.exit_code == code
    assert not site.state_dir.exists()


def test_a_recording_with_samples_that_are_no_numbers_is_refused(
    site: Site, failing: Path, tmp_path: Path
) -> None:
    sound = read_16k(failing)[: 5 * 16_000].copy()
    sound[4 * 16_000 + 5] = np.nan
    soundfile.write(tmp_path / "bad.wav", sound, 16_000, subtype="FLOAT")
    # Blocks of the decoder are longer than this file: the whole of it is refused.
    with pytest.raises(AnomalyError, match=r"not sound .*at 4\.000"):
        monitor([plan_for(tmp_path / "bad.wav")], site, lambda _: None, sinks=[])


def test_less_than_a_second_of_sound_is_an_error(site: Site, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short.wav", np.full(15_999, 0.1), 16_000)
    with pytest.raises(AnomalyError, match="less than a second") as caught:
        monitor([plan_for(tmp_path / "short.wav")], site, lambda _: None, sinks=[])
    assert caught.value.exit_code == 4


def test_a_folder_that_cannot_be_written_is_an_error(site: Site, failing: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    barred = site.model_copy(update={"state_dir": tmp_path / "file" / "state"})
    with pytest.raises(ConfigError, match="state"):
        monitor([plan_for(failing)], barred, lambda _: None, sinks=[])


def test_a_machine_has_one_monitor_at_a_time(site: Site, failing: Path) -> None:
    refused: list[AnomalyError] = []

    def show(_: Record) -> None:
        if not refused:
            with pytest.raises(ConfigError, match="another monitor watches pump") as caught:
                monitor([plan_for(failing)], site, lambda _: None, sinks=[])
            refused.append(caught.value)

    monitor([plan_for(failing)], site, show, sinks=[])
    assert "--state" in str(refused[0].hint)
    monitor([plan_for(failing)], site, lambda _: None, sinks=[])


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError])
def test_an_interruption_keeps_scores_and_releases_the_microphone(
    site: Site, pulse_microphone: SoundServer, error: type[BaseException]
) -> None:
    sink = Kept()
    shown: list[Record] = []

    def show(record: Record) -> None:
        shown.append(record)
        if sum(isinstance(record, SecondRecord) for record in shown) == 2:
            raise error

    with pytest.raises(error):
        monitor([plan_for(None, device=pulse_microphone.device)], site, show, sinks=[sink])
    assert [c for c in psutil.Process().children() if "anomaly.audio.capture.worker" in c.cmdline()] == []
    assert sink.closed
    with Store.open(site.state_dir / DATABASE_NAME) as store:
        assert [row.second for row in store.history.scores("pump")] == [0, 1]


def test_a_machine_missing_in_the_site_file_is_announced_to_the_broker(
    site: Site, failing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced: list[tuple[str, ...]] = []

    def build(site: Site) -> list[Kept]:
        announced.append(tuple(site.machines))
        return []

    monkeypatch.setattr("anomaly.monitor.run.build_sinks", build)
    sinks = Sinks.model_validate({"mqtt": [{"name": "house", "host": "127.0.0.1"}]})
    monitor([plan_for(failing)], site.model_copy(update={"sinks": sinks}), lambda _: None)
    assert announced == [("pump",)]


def test_answers_are_taken_while_it_runs(site: Site, failing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A case is closed by another system while the machine is monitored, and the port is free at the end."""
    monkeypatch.setenv("MAXIMO_SECRET", SECRET.decode())
    port = free_port()
    systems = (AnsweringSystem(name="maximo", secret_env="MAXIMO_SECRET"),)
    site = site.model_copy(update={"answers": Answers(systems=systems, port=port)})
    sink, responses = Kept(), list[Response]()

    def show(record: Record) -> None:
        if isinstance(record, EventRecord) and record.event == "case.opened" and not responses:
            wait_until(lambda: answers_at(port))
            responses.append(post(port, make_answer(record.detail["case"], time.time(), "close")))

    monitor([plan_for(failing)], site, show, sinks=[sink])
    assert [response.status for response in responses] == [200]
    closed = [message for message in sink.messages if message.event == "case.closed"]
    assert [(message.by, message.via) for message in closed] == [("J. Doe", "maximo")]
    assert {message.answer_url for message in sink.messages} == {f"http://127.0.0.1:{port}/answers"}
    assert not answers_at(port)


def answers_at(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_a_secret_of_answers_that_is_missing_is_an_error_before_any_sound(
    site: Site, failing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAXIMO_SECRET", raising=False)
    systems = (AnsweringSystem(name="maximo", secret_env="MAXIMO_SECRET"),)
    site = site.model_copy(update={"answers": Answers(systems=systems, port=8420)})
    with pytest.raises(ConfigError, match="answers of maximo: the secret is empty"):
        monitor([plan_for(failing)], site, lambda _: None, sinks=[])
    assert not site.state_dir.exists()


class Hanging:
    """A sink whose other side takes the connection and never answers."""

    name = "hanging"

    def __init__(self) -> None:
        self.entered, self.released = threading.Event(), threading.Event()
        self.delivered: list[AlertMessage] = []

    def deliver(self, message: AlertMessage) -> None:
        self.entered.set()
        assert self.released.wait(60)
        self.delivered.append(message)

    def close(self) -> None:
        """Nothing is open."""


def test_a_sink_that_hangs_delays_neither_the_sound_nor_another_sink(site: Site, failing: Path) -> None:
    """All seconds after the alarm are judged, and the other sink gets the case, while the first delivery hangs."""
    hanging, other = Hanging(), Kept()
    whole = len(read_16k(failing)) // 16_000
    during: list[int] = []

    def show(record: Record) -> None:
        if not isinstance(record, SecondRecord):
            return
        if other.messages and hanging.entered.is_set() and not hanging.released.is_set():
            during.append(record.second)
        if record.state == "ALARM":
            wait_until(lambda: hanging.entered.is_set() and other.messages)
        if record.second == whole - 1:
            assert hanging.delivered == []
            hanging.released.set()

    monitor([plan_for(failing)], site, show, sinks=[hanging, other])
    first = during[0]
    assert during == list(range(first, whole))
    assert len(during) >= 4
    assert [message.id for message in hanging.delivered] == [message.id for message in other.messages]
    with Store.open(site.state_dir / DATABASE_NAME) as store:
        assert len(store.history.scores("pump")) == whole


def test_a_sink_that_never_answers_does_not_keep_the_monitor_from_ending(
    site: Site, failing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anomaly.monitor.run.DRAIN_S", 0.1)
    hanging = Hanging()
    assert monitor([plan_for(failing)], site, lambda _: None, sinks=[hanging]) == 1
    assert hanging.entered.is_set()
    with Store.open(site.state_dir / DATABASE_NAME) as store:
        assert store.outbox.pending_count(["hanging"]) >= 1
    hanging.released.set()
