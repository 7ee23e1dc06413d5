"""Free space of a disk, and the cause for which a folder takes nothing: full, read-only, without rights, gone."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# With less free space the smallest transaction of the database and its log fail.
FULL_BYTES = 65_536
_FULL_WORDS = ("is full", "no space left", "quota exceeded")
_READ_ONLY_WORDS = ("read-only file system",)
_DENIED_WORDS = ("permission denied", "operation not permitted", "readonly database", "unable to open")

Cause = Literal["full", "quota", "no-inodes", "read-only", "denied", "gone", "failing"]


@dataclass(frozen=True)
class DiskFault:
    """Cause for which a folder takes nothing.

    Args:
        cause: its kind.
        text: the cause in words, with the folder.
        remedy: what to do.
    """

    cause: Cause
    text: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.text}; {self.remedy}"


def free_bytes(folder: Path) -> int:
    """Return the free bytes of the disk that holds a folder, or will hold it once it is made."""
    return shutil.disk_usage(_existing(folder)).free


def disk_fault(folder: Path, reason: str = "") -> DiskFault | None:
    """Name the cause for which a folder takes nothing now; None if there is no sign of one.

    Args:
        folder: it need not exist.
        reason: error of a write that failed; "" if none was tried. With it there is always a cause.
    """
    error, words = f" ({reason})" if reason else "", reason.lower()
    try:
        disk = os.statvfs(_existing(folder))
    except OSError:
        disk = None
    if (disk is not None and disk.f_flag & os.ST_RDONLY) or _any(_READ_ONLY_WORDS, words):
        remedy = f"mount it for writing (`mount -o remount,rw`), and look into `dmesg` for errors{_ELSEWHERE}"
        return DiskFault("read-only", f"the file system of {folder} is read-only{error}", remedy)
    if "quota" in words:
        return DiskFault("quota", f"the quota for {folder} is used up{error}", f"raise it{_ELSEWHERE}")
    if disk is not None and disk.f_files and not disk.f_favail:
        remedy = "remove files that nobody needs: their number counts, not their size"
        return DiskFault("no-inodes", f"the disk of {folder} takes no further files{error}", remedy)
    if (disk is not None and disk.f_bavail * disk.f_frsize < FULL_BYTES) or _any(_FULL_WORDS, words):
        remedy = "make room on it: clips, old `*.damaged-*` files, logs"
        return DiskFault("full", f"the disk of {folder} is full{error}", remedy)
    return _without_room(folder, reason, error, words) if reason else None


def _without_room(folder: Path, reason: str, error: str, words: str) -> DiskFault:
    if not folder.is_dir():
        return DiskFault("gone", f"the folder {folder} is not there{error}", "put it back")
    if not os.access(folder, os.W_OK) or _any(_DENIED_WORDS, words):
        remedy = f"give the user of the monitor the right to write{_ELSEWHERE}"
        return DiskFault("denied", f"{folder} cannot be written by this user{error}", remedy)
    remedy = f"look into `dmesg` for errors of the disk{_ELSEWHERE}"
    return DiskFault("failing", f"the disk of {folder} fails: {reason}", remedy)


_ELSEWHERE = ", or choose another folder with --state"


def _any(parts: tuple[str, ...], words: str) -> bool:
    return any(part in words for part in parts)


def _existing(folder: Path) -> Path:
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    return existing
