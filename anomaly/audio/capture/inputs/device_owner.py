"""Owner of a sound device: the process that ALSA names, else the one that has its file open."""

from __future__ import annotations

import os
import re
from pathlib import Path


def device_owner(status: str, node: Path) -> tuple[int, str] | None:
    """Return the process number and program that hold a capture device; None if it is free or that is not visible.

    Args:
        status: content of ``/proc/asound/cardN/pcmMc/sub0/status``; "" where it cannot be read.
        node: its device file.
    """
    owner = re.search(r"owner_pid *: *(\d+)", status)
    if owner is not None:
        return int(owner[1]), _program(int(owner[1]))
    if status.strip() == "closed":
        return None
    process = _with_open_file(node)
    return None if process is None else (process, _program(process))


def _with_open_file(node: Path) -> int | None:
    try:
        target = node.resolve(strict=True)
    except OSError:
        return None
    for folder in Path("/proc").iterdir():
        # This process opens the folder, not the device.
        if folder.name.isdigit() and int(folder.name) != os.getpid() and _has_open(folder / "fd", target):
            return int(folder.name)
    return None


def _has_open(handles: Path, target: Path) -> bool:
    try:
        return any(os.readlink(handle) == str(target) for handle in handles.iterdir())
    except OSError:
        return False  # another user's, or gone in the meantime


def _program(process: int) -> str:
    try:
        return Path("/proc", str(process), "comm").read_text(errors="replace").strip() or "a program"
    except OSError:
        return "a program"
