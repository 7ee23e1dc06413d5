"""Free space of a disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from anomaly.disk_space import disk_fault, free_bytes
from support.small_disk import SmallDisk, small_disk
from support.unprivileged import unprivileged

__all__ = ["small_disk", "unprivileged"]


def test_a_folder_that_is_not_made_yet_has_the_space_of_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def usage(folder: Path) -> tuple[int, int, int]:
        asked.append(folder)
        return shutil._ntuple_diskusage(10, 3, 7)  # type: ignore[attr-defined,no-any-return]

    monkeypatch.setattr(shutil, "disk_usage", usage)
    assert free_bytes(tmp_path / "a" / "b") == 7
    assert asked == [tmp_path]


def test_a_disk_with_room_has_no_fault(tmp_path: Path) -> None:
    assert disk_fault(tmp_path) is None
    assert disk_fault(tmp_path / "not" / "made") is None


def test_a_full_disk(small_disk: Callable[[int], SmallDisk]) -> None:
    disk = small_disk(200)
    assert disk_fault(disk.path) is None
    disk.fill()
    fault = disk_fault(disk.path)
    assert fault is not None
    assert (fault.cause, fault.text) == ("full", f"the disk of {disk.path} is full")
    assert "make room" in fault.remedy


def test_a_read_only_file_system(small_disk: Callable[[int], SmallDisk]) -> None:
    disk = small_disk(200)
    disk.remount("ro")
    fault = disk_fault(disk.path, "attempt to write a readonly database")
    assert fault is not None
    assert fault.cause == "read-only"
    assert str(fault).startswith(
        f"the file system of {disk.path} is read-only (attempt to write a readonly database); mount it"
    )


def test_a_folder_without_rights(
    tmp_path: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    (tmp_path / "locked").mkdir(mode=0o755)
    with unprivileged():
        fault = disk_fault(tmp_path / "locked", "attempt to write a readonly database")
        assert disk_fault(tmp_path / "locked") is None  # nobody has tried
    assert fault is not None
    assert fault.cause == "denied"


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("database: database or disk is full", "full"),
        ("cannot be used: No space left on device", "full"),
        ("cannot be used: Disk quota exceeded", "quota"),
        ("cannot be used: Read-only file system", "read-only"),
        ("cannot be used: Permission denied", "denied"),
        ("database: disk I/O error", "failing"),
    ],
)
def test_an_error_names_the_cause_that_the_disk_does_not_show(
    tmp_path: Path, reason: str, cause: str
) -> None:
    fault = disk_fault(tmp_path, reason)
    assert fault is not None
    assert fault.cause == cause
    assert reason in fault.text


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    fault = disk_fault(tmp_path / "gone", "unable to open database file")
    assert fault is not None
    assert fault.cause == "gone"
