"""Versions of a bundle: kept beside each other, switched in one step, and back again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from anomaly.bundle import open_bundle, versions, write_bundle
from anomaly.bundle.manifest import ManifestDraft
from anomaly.errors import AnomalyError, ConfigError, ModelError, UsageError
from anomaly.workspace import machines


def train(models: Path, content: bytes, machine: str = "pump") -> str:
    """Write a bundle as training does."""
    draft = ManifestDraft(
        machine=machine,
        front_end={},
        detectors={},
        data_fingerprint="d" * 64,
        code_fingerprint="c" * 64,
        metrics={},
    )
    with versions.replacing(models, machine):
        write_bundle(models / machine, draft, {"network.bit": content})
    return versions.version_of(models / machine)


def content(models: Path) -> bytes:
    return open_bundle(models / "pump").read("network.bit")


def test_what_becomes_of_the_old_bundle_is_said_beforehand(tmp_path: Path) -> None:
    assert versions.about_to_replace(tmp_path, "pump") is None
    first = train(tmp_path, b"one")
    said = versions.about_to_replace(tmp_path, "pump")
    assert said is not None
    train(tmp_path, b"two")
    (old,) = [version for version in versions.versions(tmp_path, "pump") if not version.active]
    assert old.id == first
    assert f"kept in {old.path}; `anomaly models rollback pump` brings it back" in said


def test_training_again_keeps_the_old_bundle(tmp_path: Path) -> None:
    first, second = train(tmp_path, b"1"), train(tmp_path, b"2")
    assert content(tmp_path) == b"2"
    assert {(v.id, v.active) for v in versions.versions(tmp_path, "pump")} == {(first, False), (second, True)}
    assert machines(tmp_path) == ["pump"]
    kept = next(v for v in versions.versions(tmp_path, "pump") if not v.active)
    assert open_bundle(kept.path).read("network.bit") == b"1"


def test_one_bundle_is_one_version(tmp_path: Path) -> None:
    train(tmp_path, b"1")
    (only,) = versions.versions(tmp_path, "pump")
    assert only.active
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pump"]


def test_activate_and_roll_back(tmp_path: Path) -> None:
    first, second = train(tmp_path, b"1"), train(tmp_path, b"2")
    assert versions.activate(tmp_path, "pump", first[:4]).id == first
    assert content(tmp_path) == b"1"
    assert versions.rollback(tmp_path, "pump").id == second
    assert content(tmp_path) == b"2"
    assert versions.rollback(tmp_path, "pump").id == first
    assert content(tmp_path) == b"1"
    third = train(tmp_path, b"3")
    assert content(tmp_path) == b"3"
    assert versions.rollback(tmp_path, "pump").id == first
    assert {v.id for v in versions.versions(tmp_path, "pump")} == {first, second, third}
    assert sorted(p.name for p in tmp_path.iterdir()) == [".versions", "pump"]


def test_a_training_that_fails_leaves_nothing(tmp_path: Path) -> None:
    train(tmp_path, b"1")
    with pytest.raises(ZeroDivisionError), versions.replacing(tmp_path, "pump"):
        raise ZeroDivisionError
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pump"]


def test_the_active_one_may_be_named(tmp_path: Path) -> None:
    only = train(tmp_path, b"1")
    assert versions.activate(tmp_path, "pump", only).active
    with pytest.raises(UsageError, match="no other version was in use"):
        versions.rollback(tmp_path, "pump")


def test_a_damaged_version_is_not_taken(tmp_path: Path) -> None:
    first = train(tmp_path, b"1")
    train(tmp_path, b"2")
    (tmp_path / versions.VERSIONS / "pump" / first / "network.bit").write_bytes(b"x")
    with pytest.raises(ModelError, match="damaged"):
        versions.activate(tmp_path, "pump", first)
    assert content(tmp_path) == b"2"


@pytest.mark.parametrize("name", ["", "zz", "0123456789ab"])
def test_versions_that_are_none(tmp_path: Path, name: str) -> None:
    train(tmp_path, b"1")
    with pytest.raises(UsageError, match="no version begins with"):
        versions.activate(tmp_path, "pump", name)


def test_a_machine_without_a_bundle(tmp_path: Path) -> None:
    assert versions.keep(tmp_path, "pump") is None
    for machine in ("pump", "../pump"):
        with pytest.raises(ConfigError):
            versions.versions(tmp_path, machine)


def test_a_reader_never_finds_half_or_nothing(tmp_path: Path) -> None:
    names = [train(tmp_path, b"1"), train(tmp_path, b"2")]
    done, wrong, found = threading.Event(), list[str](), set[bytes]()

    def read() -> None:
        while not done.is_set():
            try:
                found.add(content(tmp_path))
            except AnomalyError as error:
                # Between its files a reader may meet the switch; it then says so, and reads again.
                wrong.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(40):
        versions.activate(tmp_path, "pump", names[turn % 2])
    done.set()
    reader.join()
    assert found <= {b"1", b"2"}
    assert not [words for words in wrong if "there is no bundle" in words]
    assert content(tmp_path) == b"2"


def test_a_kill_in_the_middle_leaves_one_of_them(tmp_path: Path) -> None:
    first = train(tmp_path, b"1")
    second = train(tmp_path, b"2")
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from anomaly import atomic\n"
        "from anomaly.bundle import versions\n"
        "atomic._remove = lambda path: os.kill(os.getpid(), signal.SIGKILL)\n"
        "versions.activate(Path(sys.argv[1]), 'pump', sys.argv[2])\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path), first])
    assert killed.returncode == -signal.SIGKILL
    assert content(tmp_path) == b"1"
    assert versions.activate(tmp_path, "pump", second).id == second
    assert content(tmp_path) == b"2"


def test_a_log_cut_off_by_a_crash_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    first = train(tmp_path, b"1")
    train(tmp_path, b"2")
    log = tmp_path / versions.VERSIONS / "pump.log"
    log.write_text(log.read_text() + '{"time": "20')
    assert versions.rollback(tmp_path, "pump").id == first


def test_without_an_exchange_of_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anomaly import atomic

    monkeypatch.setattr(atomic, "_exchange", lambda one, other: False)
    first = train(tmp_path, b"1")
    train(tmp_path, b"2")
    versions.activate(tmp_path, "pump", first)
    assert content(tmp_path) == b"1"
    assert os.path.islink(tmp_path / "pump")
    train(tmp_path, b"3")
    assert content(tmp_path) == b"3"
    assert not os.path.islink(tmp_path / "pump")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".versions", "pump"]
