"""Walk through a tree of folders in the order of the paths, one folder in memory at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from anomaly.archive.archive_file import ArchiveFile
from anomaly.archive.sources.container_names import is_container
from anomaly.archive.sources.skipped_files import SkippedFiles
from anomaly.audio.files.recordings import AUDIO_SUFFIXES
from anomaly.errors import InputError


@dataclass(frozen=True)
class Entry:
    """Entry of a folder.

    Args:
        name: within the folder.
        path: the whole path, as it stands in the table.
        is_folder: whether it can be listed.
        size_bytes: of a file, if it is known.
        mtime_ns: last change of a file, if it is known.
    """

    name: str
    path: str
    is_folder: bool
    size_bytes: int | None = None
    mtime_ns: int | None = None


class Tree(Protocol):
    """Tree of folders, on a disk or in an object store."""

    def entries(self, folder: str) -> list[Entry]:
        """Return the entries of a folder, in any order.

        Raises:
            InputError: it cannot be listed.
        """


class LocalTree:
    """Folders on disk; links to folders are followed, each folder once, so that a loop of links ends."""

    def __init__(self) -> None:
        self._visited: set[tuple[int, int]] = set()

    def entries(self, folder: str) -> list[Entry]:
        """Return the entries of a folder; none of one that was listed before.

        Raises:
            InputError: it may not be read.
        """
        try:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in self._visited:
                return []
            self._visited.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as found:
                return [_local_entry(entry) for entry in found]
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", where=error.filename) from error


def _local_entry(entry: os.DirEntry[str]) -> Entry:
    try:
        if entry.is_dir():
            return Entry(entry.name, entry.path, True)
        status = entry.stat()
    except OSError:
        # A broken link: its row will say so.
        return Entry(entry.name, entry.path, False)
    return Entry(entry.name, entry.path, False, status.st_size, status.st_mtime_ns)


OpenContainer: TypeAlias = Callable[[str, SkippedFiles], Iterator[ArchiveFile]]
"""Yields the members of a tar or zip archive."""


def walk(
    tree: Tree, folder: str, skipped: SkippedFiles, containers: OpenContainer | None = None
) -> Iterator[ArchiveFile]:
    """Yield the recordings below a folder in the order of their paths; hidden files and folders are passed over.

    Args:
        tree: that holds the folder.
        folder: where to begin.
        skipped: counts the files that are no recordings by their names.
        containers: yields the members of tar and zip archives; None counts archives as skipped.

    Raises:
        InputError: a folder cannot be listed.
    """
    for entry in sorted(tree.entries(folder), key=lambda entry: entry.name):
        suffix = os.path.splitext(entry.name)[1].lower()
        if entry.name.startswith("."):
            if not entry.is_folder and suffix in AUDIO_SUFFIXES:
                skipped.add(entry.name, f"hidden {suffix}")
        elif entry.is_folder:
            yield from walk(tree, entry.path, skipped, containers)
        elif suffix in AUDIO_SUFFIXES:
            yield ArchiveFile(entry.path, entry.size_bytes, entry.mtime_ns)
        elif containers is not None and is_container(entry.name):
            yield from containers(entry.path, skipped)
        else:
            skipped.add(entry.name, suffix or "without a suffix")
