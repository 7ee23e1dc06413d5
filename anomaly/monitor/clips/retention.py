"""Retention of clips: limits on age, number, size and free disk space."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from anomaly.config.retention import Clips
from anomaly.disk_space import free_bytes
from anomaly.errors import ConfigError
from anomaly.store.database.rows import ClipRow
from anomaly.store.store import Store

_DAY_S = 86_400.0
_MIB = 2**20
# A crash between writing and listing leaves a folder without an entry; a younger one may be about to be listed.
_ORPHAN_S = 3_600.0


def sweep(store: Store, folder: Path, settings: Clips, now_s: float, *, coming_bytes: int = 0) -> int:
    """Remove the clips that are too old, too many or too large together, oldest first; return their number.

    Args:
        store: lists the clips.
        folder: of all clips.
        settings: limits.
        now_s: UNIX seconds.
        coming_bytes: size of a clip that is about to be written.
    """
    kept = store.clips.select()
    total = sum(clip.bytes for clip in kept) + coming_bytes
    count = len(kept) + (coming_bytes > 0)
    removed = 0
    for clip in kept:
        old = clip.begin_s < now_s - settings.keep_days * _DAY_S
        if not (old or count > settings.keep_count or total > settings.keep_mib * _MIB):
            continue
        remove(store, folder, clip)
        total, count, removed = total - clip.bytes, count - 1, removed + 1
    return removed


def make_room(store: Store, folder: Path, settings: Clips, now_s: float, *, for_bytes: int) -> None:
    """Remove old clips until another one fits.

    Raises:
        ConfigError: the disk would have less free space than the settings demand.
    """
    sweep(store, folder, settings, now_s, coming_bytes=for_bytes)
    free = free_bytes(folder)
    if free - for_bytes < settings.free_mib * _MIB:
        raise ConfigError(
            f"no clip is kept: {free / _MIB:.0f} MiB of the disk are free",
            where=folder,
            hint=f"make room; clips leave {settings.free_mib:g} MiB free (site.yaml, clips: free_mib:)",
        )


def remove(store: Store, folder: Path, clip: ClipRow) -> None:
    """Remove the files of a clip, then its entry: a crash between them leaves an entry, never sound without one."""
    shutil.rmtree(folder / clip.folder, ignore_errors=True)
    store.clips.remove(clip.id)


def sweep_orphans(store: Store, folder: Path) -> int:
    """Remove folders of clips that no entry names, older than an hour; return their number."""
    known = {clip.folder for clip in store.clips.select()}
    removed = 0
    for found in folder.glob("*/*"):
        try:
            young = time.time() - found.stat().st_mtime < _ORPHAN_S
        except OSError:
            continue  # removed in the meantime
        if found.is_dir() and not young and str(found.relative_to(folder)) not in known:
            shutil.rmtree(found, ignore_errors=True)
            removed += 1
    return removed
