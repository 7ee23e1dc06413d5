"""The doctor: what is well is said to be, what is not comes with a remedy, and nothing is changed."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from anomaly.alerts import AlertMessage, ScoreRow, Store
from anomaly.config import Clips, Machine, Sinks, Site
from anomaly.monitor.doctor import CheckResult, examine, sound, system
from anomaly.monitor.doctor import site as of_site
from anomaly.store.file_lock import FileLock
from anomaly.store.store import DATABASE_NAME
from support.sound_card import SoundServer


def by_check(found: list[CheckResult]) -> dict[str, CheckResult]:
    return {finding.check: finding for finding in found}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(state_dir=tmp_path / "state", models_dir=tmp_path / "models", clips=Clips(free_mib=0))


def test_all_of_it_on_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_inputs: None
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for name in ("ANOMALY_CONFIG", "ANOMALY_STATE", "ANOMALY_MODELS"):
        monkeypatch.delenv(name, raising=False)
    found = by_check(list(examine()))
    assert {name: found[name].level for name in ("python.version", "site.config", "python.packages")} == {
        "python.version": "ok",
        "site.config": "ok",
        "python.packages": "ok",
    }
    assert (found["site.bundles"].level, found["site.bundles"].exit_code) == ("fail", 3)
    assert "models: there is no such folder" in found["site.bundles"].words
    assert "anomaly train" in found["site.bundles"].remedy
    assert found["sound.inputs"].level == "warn"
    assert found["site.database"].level == "ok"
    assert all(finding.remedy for finding in found.values() if finding.level == "fail")
    assert list(here.iterdir()) == []


def test_a_mistake_in_the_site_file_does_not_hide_the_rest(tmp_path: Path, no_inputs: None) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("machine: {}\n")
    found = by_check(list(examine(path, state=tmp_path / "state", models=tmp_path / "models")))
    assert found["site.config"].level == "fail"
    assert "site.yaml:1" in found["site.config"].words
    assert found["python.packages"].level == "ok"
    assert "disk.state" in found


def test_a_package_that_does_not_load(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(system.CORE, "no-such-package", "no_such_package")
    (finding,) = system.packages(site)
    assert finding.level == "fail"
    assert (finding.remedy, finding.exit_code) == ("pip install no-such-package", 3)


@pytest.mark.parametrize(("free_mib", "level"), [(5, "fail"), (150, "warn"), (5000, "ok")])
def test_disk(site: Site, monkeypatch: pytest.MonkeyPatch, free_mib: int, level: str) -> None:
    usage = shutil._ntuple_diskusage(10**12, 0, free_mib * 2**20)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert [finding.level for finding in system.disk(site)] == [level]


def test_a_state_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (finding,) = system.disk(Site(state_dir=tmp_path / "file" / "state"))
    assert finding.level == "fail"


@pytest.mark.parametrize(("kept", "level"), [(True, "ok"), (False, "warn"), (None, "warn")])
def test_clock(monkeypatch: pytest.MonkeyPatch, kept: bool | None, level: str) -> None:
    monkeypatch.setattr(system, "_synchronised", lambda: kept)
    (finding,) = system.clock()
    assert finding.level == level


def test_the_kernel_is_asked_about_its_clock() -> None:
    assert system._synchronised() in (True, False, None)


def test_a_sound_card_that_may_not_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pcmC1D0c").touch()
    (finding,) = sound.permissions(tmp_path)
    assert finding.level == "ok"
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(sound, "_groups", lambda: ["users"])
    (finding,) = sound.permissions(tmp_path)
    assert (finding.level, finding.exit_code) == ("fail", 6)
    assert "usermod -aG audio" in finding.remedy
    monkeypatch.setattr(sound, "_groups", lambda: ["audio"])
    (finding,) = sound.permissions(tmp_path)
    assert "ls -l" in finding.remedy


def test_no_sound_card(tmp_path: Path) -> None:
    (finding,) = sound.permissions(tmp_path / "none")
    assert finding.level == "warn"


def test_machines_of_the_site(tmp_path: Path, no_inputs: None, monkeypatch: pytest.MonkeyPatch) -> None:
    wav = tmp_path / "pump.wav"
    wav.touch()
    monkeypatch.delenv("CAMERA", raising=False)
    machines = {
        "gone": Machine(device="no-such-microphone"),
        "file": Machine(source=str(wav)),
        "nofile": Machine(source="/nowhere.wav"),
        "secret": Machine(source_env="CAMERA"),
    }
    found = by_check(list(sound.inputs(Site(machines=machines))))
    levels = {name: found[f"sound.machine.{name}"].level for name in machines}
    assert levels == {"gone": "fail", "file": "ok", "nofile": "fail", "secret": "fail"}
    assert found["sound.machine.gone"].exit_code == 6
    monkeypatch.setattr(shutil, "which", lambda _: None)
    (stream,) = [
        f for f in sound.inputs(Site(machines={"s": Machine(source="rtsp://x/y")})) if ".s" in f.check
    ]
    assert (stream.level, stream.remedy) == ("fail", "apt-get install ffmpeg")


def test_a_microphone_is_heard_unless_a_monitor_has_it(site: Site, pulse_microphone: SoundServer) -> None:
    heard = site.model_copy(update={"machines": {"pump": Machine(device="pulse")}})
    finding = by_check(list(sound.inputs(heard)))["sound.machine.pump"]
    assert finding.level in ("ok", "warn")
    assert "dBFS" in finding.words
    site.state_dir.mkdir()
    with FileLock(site.state_dir / "monitor-pump.lock"):
        finding = by_check(list(sound.inputs(heard)))["sound.machine.pump"]
    assert finding.words == "pulse is being listened to by a monitor"


def test_bundles(site: Site, pump_bundle: Path) -> None:
    site.models_dir.mkdir()
    (none,) = of_site.bundles(site)
    assert (none.level, none.exit_code) == ("fail", 5)
    assert "anomaly train" in none.remedy
    shutil.copytree(pump_bundle, site.models_dir / "pump")
    (whole,) = of_site.bundles(site)
    assert (whole.check, whole.level) == ("site.bundle.pump", "ok")
    (site.models_dir / "pump" / "network.bit").write_bytes(b"x")
    (damaged,) = of_site.bundles(site)
    assert (damaged.level, damaged.exit_code) == ("fail", 5)
    missing = site.model_copy(update={"machines": {"fan": Machine(device="hw:0")}})
    assert by_check(list(of_site.bundles(missing)))["site.bundle.fan"].level == "fail"


def test_a_file_is_no_folder_of_bundles(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (finding,) = of_site.bundles(Site(models_dir=tmp_path / "file"))
    assert (finding.level, finding.exit_code) == ("fail", 3)
    assert "file: is no folder" in finding.words


@pytest.mark.parametrize("taken", ["state", "state/anomaly.sqlite/x"])
def test_something_else_where_the_database_is_to_be(site: Site, taken: str) -> None:
    other = site.state_dir.parent / taken
    other.parent.mkdir(parents=True, exist_ok=True)
    other.touch()
    (finding,) = of_site.database(site)
    assert (finding.level, finding.exit_code) == ("fail", 3)
    assert "--state" in finding.remedy


def test_database(site: Site) -> None:
    path = site.state_dir / DATABASE_NAME
    with Store.open(path) as store:
        store.history.add_scores(ScoreRow("pump", float(i), i, 0.1, 0.5, "OK") for i in range(3000))
        before = path.read_bytes()
        found = by_check(list(of_site.database(site)))
        assert (found["site.database"].level, found["site.messages"].level) == ("ok", "ok")
        assert path.read_bytes() == before
    with path.open("r+b") as file:
        file.seek(path.stat().st_size * 3 // 4)
        file.write(os.urandom(8192))
    found = by_check(list(of_site.database(site)))
    assert found["site.database"].level == "fail"
    assert "sets a damaged file aside" in found["site.database"].remedy
    path.write_bytes(b"no database" * 1000)
    assert by_check(list(of_site.database(site)))["site.database"].level == "fail"


def test_messages_that_do_not_leave(site: Site) -> None:
    with Store.open(site.state_dir / DATABASE_NAME, clock=lambda: 1_700_000_000.0) as store:
        store.outbox.subscribe(["plant"])
        store.outbox.queue(AlertMessage("test", "pump", "2023-11-14T22:13:20.000Z"))
    found = by_check(list(of_site.database(site)))
    assert found["site.messages"].level == "warn"
    assert "1 wait for delivery" in found["site.messages"].words


def test_dead_letters_of_each_sink(site: Site) -> None:
    with Store.open(site.state_dir / DATABASE_NAME) as store:
        store.outbox.subscribe(["plant", "house"])
        for error in ("answered 400", "answered 403"):
            store.outbox.queue(AlertMessage("test", "pump", "2023-11-14T22:13:20.000Z"))
            store.outbox.mark_dead(store.outbox.due(2e9, "plant")[0], error)
        found = by_check(list(of_site.database(site)))
    assert "site.dead-letters.house" not in found
    finding = found["site.dead-letters.plant"]
    assert finding.level == "warn"
    assert finding.words.startswith("2 messages are dead letters: ")
    assert finding.words.endswith("the newest with: answered 403")
    assert "anomaly alerts test plant" in finding.remedy


def test_a_database_of_a_newer_version(site: Site) -> None:
    path = site.state_dir / DATABASE_NAME
    with Store.open(path) as store, store.database.transaction() as connection:
        connection.execute("INSERT INTO migrations VALUES (1000, 'newer', 0)")
    (finding,) = of_site.database(site)
    assert (finding.level, finding.remedy) == ("fail", "update anomaly")


def test_a_probe_with_a_bug(site: Site, install_package: Callable[..., Path]) -> None:
    source = (
        "from anomaly.alerts.sinks import SinkKind\n"
        "from anomaly.config import SinkConfig\n"
        "CHAT = SinkKind('chat rooms', SinkConfig, build=None, probe=lambda config, context: 1 / 0)\n"
    )
    install_package("acme-chat", source, "[anomaly.sinks]\nchat = acme_chat:CHAT\n")
    sinks = Sinks.model_validate({"chat": [{"name": "hall"}]})
    (finding,) = of_site.sinks(site.model_copy(update={"sinks": sinks}))
    assert (finding.check, finding.level) == ("site.sink.hall", "fail")
    assert "ZeroDivisionError" in finding.words


def test_sinks(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
        port, closed = server.getsockname()[1], other.getsockname()[1]
        other.close()
        sinks = Sinks.model_validate(
            {
                "webhook": [{"name": "plant", "url": f"http://127.0.0.1:{port}/alerts"}],
                "mqtt": [{"name": "house", "host": "127.0.0.1", "port": closed}],
            }
        )
        found = by_check(list(of_site.sinks(site.model_copy(update={"sinks": sinks}))))
    assert found["site.sink.plant"].level == "ok"
    assert "anomaly alerts test plant" in found["site.sink.plant"].words
    assert (found["site.sink.house"].level, found["site.sink.house"].exit_code) == ("fail", 7)


def test_monitors_that_run(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(of_site.monitors(site)) == []
    now = 1_800_000_000.0
    monkeypatch.setattr(of_site.time, "time", lambda: now)
    with Store.open(site.state_dir / DATABASE_NAME) as store:
        store.history.add_scores(
            [ScoreRow("pump", now - 2, 1, 0.1, 0.5, "OK"), ScoreRow("fan", now - 900, 1, 0.1, 0.5, "OK")]
        )
    locks = [FileLock(site.state_dir / f"monitor-{name}.lock") for name in ("pump", "fan", "mute", "idle")]
    for lock in locks[:3]:
        lock.acquire()
    FileLock(locks[3].path).__enter__().release()
    found = {
        name.rpartition(".")[2]: finding for name, finding in by_check(list(of_site.monitors(site))).items()
    }
    for lock in locks:
        lock.release()
    assert {name: finding.level for name, finding in found.items()} == {
        "pump": "ok",
        "fan": "warn",
        "mute": "warn",
        "idle": "ok",
    }
    assert found["idle"].words == "not running"


def test_in_the_order_in_which_one_would_mend(
    tmp_path: Path, no_inputs: None, until: Callable[..., None]
) -> None:
    names = [f.check.partition(".")[0] for f in examine(state=tmp_path, models=tmp_path)]
    assert names[:3] == ["python", "site", "python"]
