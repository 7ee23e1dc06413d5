"""Folder of the rings of a site, in the shared memory of the system, for this user alone."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

_SHARED_MEMORY = Path("/dev/shm")


def live_folder(state_dir: Path) -> Path:
    """Return the folder of a state folder's rings; it need not exist."""
    base = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else Path(tempfile.gettempdir())
    digest = hashlib.sha256(os.fsencode(state_dir.absolute().resolve())).hexdigest()[:16]
    return base / f"anomaly-live-{os.getuid()}-{digest}"


def ring_path(folder: Path, machine: str) -> Path:
    """Return the file of a machine's ring."""
    return folder / f"{machine}.ring"


def make_private(folder: Path) -> None:
    """Make the folder, or check that the one that is there is this user's alone.

    Raises:
        OSError: it cannot be made, or is another user's.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise PermissionError(f"{folder} is not this user's alone")
