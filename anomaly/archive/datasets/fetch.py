"""Execution of a fetch plan: download, check, unpack, and move into place as a whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from anomaly.archive.datasets.download import DownloadFile, Report, download
from anomaly.archive.datasets.fetch_plan import SOURCE, FetchPlan
from anomaly.archive.datasets.remote import Remote
from anomaly.archive.datasets.unpack import unpack
from anomaly.audio.files.recordings import find_recordings
from anomaly.errors import ConfigError, RemoteError, UsageError
from anomaly.store.database.file_lock import FileLock


def fetch(plan: FetchPlan, remote: Remote, report: Report = lambda doing, done, of: None) -> int:
    """Execute a plan; the folder appears as a whole or not at all. Downloaded files are kept for the next try.

    Returns:
        The number of recordings in the folder.

    Raises:
        UsageError: another folder of that name is there.
        ConfigError: no space on the disk, no permission to write, or another fetch of the same folder is running.
        RemoteError: a file is not sent, is not the published one, or is no safe archive of recordings.
    """
    with _locked(plan):
        if not plan.here:
            refuse_other_folder(plan)
            _check_space(plan)
            for file in plan.files:
                download(remote, file, plan.part(file), report)
            _put_in_place(plan, report)
        shutil.rmtree(plan.downloads, ignore_errors=True)
    return len(find_recordings(plan.folder))


def refuse_other_folder(plan: FetchPlan) -> None:
    """Refuse to download into a folder that holds other files.

    Raises:
        UsageError: the folder of the plan exists and is not empty.
    """
    folder = plan.folder
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(
            "is there already and holds something else", where=folder, hint="give another name with --as NAME"
        )


@contextmanager
def _locked(plan: FetchPlan) -> Iterator[None]:
    """Make the folder for downloads, and lock it against other processes."""
    try:
        plan.downloads.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", where=plan.downloads) from error
    lock = FileLock(plan.downloads.with_name(f"{plan.downloads.name}.lock"))
    if not lock.acquire(wait=False):
        raise ConfigError("another fetch is at work on it", where=plan.folder)
    try:
        yield
    finally:
        lock.release()


def _check_space(plan: FetchPlan) -> None:
    """Require space for the downloads and, since archives unpack to at least their own size, for as much again."""
    unpacked = plan.size_bytes if plan.about.packed == "zip" else 0
    needed = plan.size_bytes - plan.held_bytes + unpacked
    free = shutil.disk_usage(plan.downloads).free
    if needed > free:
        raise ConfigError(
            f"no room: at least {needed / 1e9:.2f} GB are needed, {free / 1e9:.2f} GB are free",
            where=plan.folder.parent,
            hint="give another folder with --data DIR",
        )


def _put_in_place(plan: FetchPlan, report: Report) -> None:
    """Unpack beside the downloads, and move the complete folder to its final path."""
    work = plan.downloads / "unpacked"
    try:
        # A run that was killed while unpacking has left files here.
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        for file in plan.files:
            _unpack_file(plan, file, work, report)
        # A set without a layout is not read as it is, such as one of MP4 files.
        if plan.about.layout != "none" and not find_recordings(work):
            raise RemoteError("there are no recordings in it", where=plan.files[0].url)
        source = plan.as_json() | {"fetched": datetime.now(UTC).isoformat(timespec="seconds")}
        (work / SOURCE).write_text(json.dumps(source, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        # Unlike a replacement, this fails if a folder that is not empty has appeared meanwhile.
        work.rename(plan.folder)
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror or error}", where=plan.folder) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _unpack_file(plan: FetchPlan, file: DownloadFile, work: Path, report: Report) -> None:
    part = plan.part(file)
    if plan.about.packed != "zip":
        # A second name, not a move: if a later step fails, the download is kept.
        (work / file.name).hardlink_to(part)
        return
    try:
        unpack(
            part, work, where=file.url, on_bytes=lambda done, of: report(f"unpacking {file.name}", done, of)
        )
    except RemoteError:
        part.unlink()
        raise
