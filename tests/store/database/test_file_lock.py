"""File lock: between processes, between owners in one process, released by death."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from anomaly.errors import ConfigError
from anomaly.store.database.file_lock import FileLock, is_locked

HOLD = (
    "import sys, pathlib\nfrom anomaly.store.database.file_lock import FileLock\n"
    "l = FileLock(pathlib.Path(sys.argv[1]));"
)


def test_one_at_a_time(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "x.lock"), FileLock(tmp_path / "x.lock")
    assert first.acquire(wait=False)
    assert first.acquire(wait=False)
    assert not second.acquire(wait=False)
    first.release()
    first.release()
    with second:
        assert not first.acquire(wait=False)
    assert first.acquire(wait=False)
    first.release()


def test_a_killed_process_releases_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    code = f"{HOLD} l.acquire(); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        lock = FileLock(path)
        assert not lock.acquire(wait=False)
        holder.kill()
        holder.wait()
    assert lock.acquire(wait=False)
    lock.release()


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        FileLock(tmp_path / "none" / "x.lock").acquire()


def test_whether_it_is_held_is_seen_without_holding_it(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    assert not is_locked(path)
    assert not path.exists()
    lock = FileLock(path)
    lock.acquire()
    assert is_locked(path)
    lock.release()
    assert not is_locked(path)
    assert lock.acquire(wait=False)
    lock.release()


def test_a_lock_whose_file_was_removed_is_acquired_anew(tmp_path: Path) -> None:
    path = tmp_path / "state" / "x.lock"
    path.parent.mkdir()
    lock = FileLock(path)
    lock.acquire()
    path.unlink()
    path.parent.rmdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        lock.acquire()
    path.parent.mkdir()
    assert lock.acquire(wait=False)
    assert is_locked(path)
    path.unlink()
    other = FileLock(path)
    other.acquire()
    assert not lock.acquire(wait=False)
    other.release()
    assert lock.acquire(wait=False)
    lock.release()
