"""A reader sees the old file or the new one, whatever happens in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from anomaly import atomic
from anomaly.errors import ConfigError


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def write_half(path: Path, reason: BaseException) -> None:
    with atomic.new_folder(path) as work:
        (work / "a").write_text("half")
        raise reason


def write_half_of_the_files(folder: Path) -> None:
    with atomic.new_files(folder) as work:
        (work / "report.txt").write_text("new")
        raise OSError("full")


def write_a_file_and_stop(folder: Path, error: BaseException) -> None:
    with atomic.new_files(folder) as work:
        (work / "report.txt").write_text("new")
        raise error


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "file"
    for content in (b"first", b"second", b""):
        atomic.write_bytes(path, content)
        assert path.read_bytes() == content
    assert names(path.parent) == ["file"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    atomic.write_bytes(path, b"old")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(ConfigError, match="No space left on device"):
        atomic.write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        atomic.write_bytes(tmp_path / "file" / "inside", b"")
    with (
        pytest.raises(ConfigError, match="cannot be written"),
        atomic.new_folder(tmp_path / "file" / "inside"),
    ):
        pytest.fail("the block must not run")


def test_a_read_only_folder(tmp_path: Path, unprivileged: Callable[[], AbstractContextManager[None]]) -> None:
    tmp_path.chmod(0o555)
    with unprivileged(), pytest.raises(ConfigError, match="Permission denied"):
        atomic.write_bytes(tmp_path / "file", b"")


def test_a_folder_appears_when_its_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "models" / "pump"
    with atomic.new_folder(path) as work:
        (work / "a").write_text("1")
        assert not path.exists()
    assert names(path) == ["a"]
    assert path.stat().st_mode & 0o777 == 0o755
    with atomic.new_folder(path) as work:
        (work / "b").write_text("2")
        assert names(path) == ["a"]
    assert names(path) == ["b"]
    assert names(path.parent) == ["pump"]


@pytest.mark.parametrize("reason", [RuntimeError("broken"), KeyboardInterrupt()])
def test_a_block_that_fails_keeps_the_old_folder(tmp_path: Path, reason: BaseException) -> None:
    path = tmp_path / "pump"
    with atomic.new_folder(path) as work:
        (work / "a").write_text("old")
    with pytest.raises(type(reason)):
        write_half(path, reason)
    assert (path / "a").read_text() == "old"
    assert names(tmp_path) == ["pump"]


def test_a_killed_writer_leaves_the_old_folder(tmp_path: Path) -> None:
    path = tmp_path / "pump"
    with atomic.new_folder(path) as work:
        (work / "a").write_text("old")
    code = (
        "import os, signal, sys; from pathlib import Path; from anomaly import atomic\n"
        "with atomic.new_folder(Path(sys.argv[1])) as work:\n"
        "    (work / 'a').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(path)])
    assert killed.returncode == -signal.SIGKILL
    assert (path / "a").read_text() == "old"


@pytest.mark.parametrize("there", [True, False])
def test_files_appear_together_and_others_stay(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "out"
    if there:
        (folder / "pictures").mkdir(parents=True)
        for name in ("report.txt", "notes.txt"):
            (folder / name).write_text("old")
    with atomic.new_files(folder) as work:
        atomic.write_bytes(work / "report.txt", b"new")
        atomic.write_bytes(work / "pictures" / "a.png", b"new")
        assert not there or (folder / "report.txt").read_text() == "old"
    assert (folder / "report.txt").read_text() == "new"
    assert (folder / "pictures" / "a.png").read_text() == "new"
    assert names(folder) == [*(["notes.txt"] if there else []), "pictures", "report.txt"]
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("there", [True, False])
def test_files_of_a_block_that_fails_do_not_appear(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "out"
    if there:
        folder.mkdir()
        (folder / "report.txt").write_text("old")
    with pytest.raises(OSError, match="full"):
        write_half_of_the_files(folder)
    assert [path.read_text() for path in tmp_path.rglob("*.txt")] == (["old"] if there else [])
    assert names(tmp_path) == (["out"] if there else [])


def test_files_cannot_appear_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ConfigError, match="in the way"), atomic.new_files(tmp_path / "out"):
        pass


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt()])
def test_folders_on_the_way_go_with_files_that_do_not_appear(tmp_path: Path, error: BaseException) -> None:
    (tmp_path / "here").mkdir()
    with pytest.raises(type(error)):
        write_a_file_and_stop(tmp_path / "here" / "new" / "out", error)
    assert names(tmp_path / "here") == []


def test_a_folder_that_appears_meanwhile_keeps_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with atomic.new_files(folder) as work:
        (work / "ours.txt").write_text("ours")
        folder.mkdir()
        (folder / "theirs.txt").write_text("theirs")
    assert names(folder) == ["ours.txt", "theirs.txt"]
    assert names(tmp_path) == ["out"]
    assert folder.stat().st_mode & 0o777 == 0o755


def test_a_folder_of_new_files_can_be_entered(tmp_path: Path) -> None:
    with atomic.new_files(tmp_path / "out") as work:
        (work / "report.txt").write_text("new")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("make", [atomic.new_folder, atomic.new_files])
def test_an_error_names_the_file_that_was_to_be_written(
    make: Callable[[Path], AbstractContextManager[Path]], tmp_path: Path
) -> None:
    path = tmp_path / "above" / "out"
    with pytest.raises(ConfigError) as caught, make(path) as work:
        raise ConfigError("cannot be written: the disk is full", where=work / "report.txt")
    assert caught.value.where == str(path / "report.txt")
    assert names(tmp_path) == []
