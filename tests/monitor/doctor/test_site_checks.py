"""Checks of the site: bundles, database, messages, sinks and running monitors."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from anomaly.alerts import AlertMessage, ScoreRow, Store
from anomaly.config import Clips, Machine, Sinks, Site
from anomaly.monitor.doctor import CheckResult, site_checks
from anomaly.store.database.file_lock import FileLock
from anomaly.store.store import DATABASE_NAME


def by_check(found: list[CheckResult]) -> dict[str, CheckResult]:
    return {result.check: result for result in found}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(state_dir=tmp_path / "state", models_dir=tmp_path / "models", clips=Clips(free_mib=0))


def test_bundles(site: Site, pump_bundle: Path) -> None:
    site.models_dir.mkdir()
    (none,) = site_checks.bundles(site)
    assert (none.level, none.exit_code) == ("fail", 5)
    assert "anomaly train" in none.remedy
    shutil.copytree(pump_bundle, site.models_dir / "pump")
    (whole,) = site_checks.bundles(site)
    assert (whole.check, whole.level) == ("site.bundle.pump", "ok")
    (site.models_dir / "pump" / "network.bit").write_bytes(b"x")
    (damaged,) = site_checks.bundles(site)
    assert (damaged.level, damaged.exit_code) == ("fail", 5)
    missing = site.model_copy(update={"machines": {"fan": Machine(device="hw:0")}})
    assert by_check(list(site_checks.bundles(missing)))["site.bundle.fan"].level == "fail"


def test_a_file_is_no_folder_of_bundles(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (result,) = site_checks.bundles(Site(models_dir=tmp_path / "file"))
    assert (result.level, result.exit_code) == ("fail", 3)
    assert "file: is no folder" in result.message


@pytest.mark.parametrize("taken", ["state", "state/anomaly.sqlite/x"])
def test_another_file_in_the_place_of_the_database(site: Site, taken: str) -> None:
    other = site.state_dir.parent / taken
    other.parent.mkdir(parents=True, exist_ok=True)
    other.touch()
    (result,) = site_checks.database(site)
    assert (result.level, result.exit_code) == ("fail", 3)
    assert "--state" in result.remedy


def test_database(site: Site) -> None:
    path = site.state_dir / DATABASE_NAME
    with Store.open(path) as store:
        store.history.add_scores(ScoreRow("pump", float(i), i, 0.1, 0.5, "OK") for i in range(3000))
        before = path.read_bytes()
        found = by_check(list(site_checks.database(site)))
        assert (found["site.database"].level, found["site.messages"].level) == ("ok", "ok")
        assert path.read_bytes() == before
    with path.open("r+b") as file:
        file.seek(path.stat().st_size * 3 // 4)
        file.write(os.urandom(8192))
    found = by_check(list(site_checks.database(site)))
    assert found["site.database"].level == "fail"
    assert "sets a damaged file aside" in found["site.database"].remedy
    path.write_bytes(b"no database" * 1000)
    assert by_check(list(site_checks.database(site)))["site.database"].level == "fail"


def test_messages_that_are_not_delivered(site: Site) -> None:
    with Store.open(site.state_dir / DATABASE_NAME, clock=lambda: 1_700_000_000.0) as store:
        store.outbox.subscribe(["plant"])
        store.outbox.queue(AlertMessage("test", "pump", "2023-11-14T22:13:20.000Z"))
    found = by_check(list(site_checks.database(site)))
    assert found["site.messages"].level == "warn"
    assert "1 wait for delivery" in found["site.messages"].message


def test_dead_letters_of_each_sink(site: Site) -> None:
    with Store.open(site.state_dir / DATABASE_NAME) as store:
        store.outbox.subscribe(["plant", "house"])
        for error in ("answered 400", "answered 403"):
            store.outbox.queue(AlertMessage("test", "pump", "2023-11-14T22:13:20.000Z"))
            store.outbox.mark_dead(store.outbox.due(2e9, "plant")[0], error)
        found = by_check(list(site_checks.database(site)))
    assert "site.dead-letters.house" not in found
    result = found["site.dead-letters.plant"]
    assert result.level == "warn"
    assert result.message.startswith("2 messages are dead letters: ")
    assert result.message.endswith("the newest with: answered 403")
    assert "anomaly alerts test plant" in result.remedy


def test_what_was_lost_with_a_damaged_database_is_reported_until_its_file_is_deleted(site: Site) -> None:
    path = site.state_dir / DATABASE_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"no database" * 1000)
    with Store.open_resilient(path) as store:
        aside = store.set_aside
    assert aside is not None
    found = by_check(list(site_checks.database(site)))
    (lost,) = [result for check, result in found.items() if check.startswith("site.database.")]
    assert lost.level == "warn"
    assert "carried over: 0 open cases, 0 messages, 0 closed cases; lost: earlier scores" in lost.message
    assert str(aside) in lost.remedy
    aside.unlink()
    assert set(by_check(list(site_checks.database(site)))) == {"site.database", "site.messages"}


def test_a_database_of_a_newer_version(site: Site) -> None:
    path = site.state_dir / DATABASE_NAME
    with Store.open(path) as store, store.database.transaction() as connection:
        connection.execute("INSERT INTO migrations VALUES (1000, 'newer', 0)")
    (result,) = site_checks.database(site)
    assert (result.level, result.remedy) == ("fail", "update anomaly")


def test_a_probe_with_a_bug(site: Site, install_package: Callable[..., Path]) -> None:
    source = (
        "from anomaly.alerts.sinks import SinkKind\n"
        "from anomaly.config import SinkConfig\n"
        "CHAT = SinkKind('chat rooms', SinkConfig, build=None, probe=lambda config, context: 1 / 0)\n"
    )
    install_package("acme-chat", source, "[anomaly.sinks]\nchat = acme_chat:CHAT\n")
    sinks = Sinks.model_validate({"chat": [{"name": "hall"}]})
    (result,) = site_checks.sinks(site.model_copy(update={"sinks": sinks}))
    assert (result.check, result.level) == ("site.sink.hall", "fail")
    assert "ZeroDivisionError" in result.message


def test_sinks(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
        port, closed = server.getsockname()[1], other.getsockname()[1]
        other.close()
        sinks = Sinks.model_validate(
            {
                "webhook": [
                    {"name": "plant", "url": f"http://127.0.0.1:{port}/alerts", "allow_private": True}
                ],
                "mqtt": [{"name": "house", "host": "127.0.0.1", "port": closed}],
            }
        )
        found = by_check(list(site_checks.sinks(site.model_copy(update={"sinks": sinks}))))
    assert found["site.sink.plant"].level == "ok"
    assert "anomaly alerts test plant" in found["site.sink.plant"].message
    assert (found["site.sink.house"].level, found["site.sink.house"].exit_code) == ("fail", 7)


def test_monitors_that_run(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(site_checks.monitors(site)) == []
    now = 1_800_000_000.0
    monkeypatch.setattr(site_checks.time, "time", lambda: now)
    with Store.open(site.state_dir / DATABASE_NAME) as store:
        store.history.add_scores(
            [ScoreRow("pump", now - 2, 1, 0.1, 0.5, "OK"), ScoreRow("fan", now - 900, 1, 0.1, 0.5, "OK")]
        )
    locks = [FileLock(site.state_dir / f"monitor-{name}.lock") for name in ("pump", "fan", "mute", "idle")]
    for lock in locks[:3]:
        lock.acquire()
    FileLock(locks[3].path).__enter__().release()
    found = {
        name.rpartition(".")[2]: result for name, result in by_check(list(site_checks.monitors(site))).items()
    }
    for lock in locks:
        lock.release()
    assert {name: result.level for name, result in found.items()} == {
        "pump": "ok",
        "fan": "warn",
        "mute": "warn",
        "idle": "ok",
    }
    assert found["idle"].message == "not running"
