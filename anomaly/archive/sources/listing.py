"""List of the files of an archive: from words of the command line to a file on disk that holds them in order.

The list is on disk so that a million files fit any memory, and so that their number is known before the first is
scored. `docs/archive.md` describes the words.
"""

from __future__ import annotations

import glob
import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from anomaly.archive.archive_file import ArchiveFile, local_file
from anomaly.archive.sources.container_names import is_container
from anomaly.archive.sources.containers import members
from anomaly.archive.sources.folder_walk import LocalTree, walk
from anomaly.archive.sources.naming import MachineNames, TimePattern
from anomaly.archive.sources.remote_tree import RemoteTree, is_address
from anomaly.archive.sources.skipped_files import SkippedFiles
from anomaly.errors import InputError

_GLOB = frozenset("*?[")


@dataclass(frozen=True)
class ListingOptions:
    """Options of a listing.

    Args:
        machines: machine of each file.
        times: pattern of the time in names; None if nothing is searched for.
        endpoint: address of an object store.
    """

    machines: MachineNames = field(default_factory=MachineNames)
    times: TimePattern | None = None
    endpoint: str | None = None


class ArchiveListing:
    """Files in order, kept in a temporary file; use it as a context manager.

    Args:
        words: files, folders, patterns, tar and zip archives, and addresses.
        options: of the listing.

    Raises:
        InputError: a word leads nowhere, or a folder cannot be read.
        RemoteError: a store does not answer.
    """

    def __init__(self, words: Iterable[str], options: ListingOptions) -> None:
        self.skipped = SkippedFiles()
        self.files = 0
        self.size_bytes = 0
        self.machines: set[str] = set()
        """Machines of the files."""
        self._spool: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115
        try:
            self._fill(list(words), options)
        except BaseException:
            self._spool.close()
            raise

    def __enter__(self) -> ArchiveListing:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()

    def __len__(self) -> int:
        return self.files

    def __iter__(self) -> Iterator[ArchiveFile]:
        """Yield the files; a second iteration must not begin before the first ends."""
        self._spool.seek(0)
        for line in self._spool:
            yield _file(json.loads(line))

    def _fill(self, words: list[str], options: ListingOptions) -> None:
        listed: set[int] = set()
        for word in words:
            own, found = SkippedFiles(), 0
            for file in _found(word, options.endpoint, own):
                found += 1
                machine = options.machines.machine_of(file.path)
                if machine is None:
                    own.add(file.path.rpartition("/")[2], "of no machine")
                    continue
                time = options.times.time_of(file.path) if options.times else None
                if len(words) > 1:
                    if file.path_key in listed:
                        continue
                    listed.add(file.path_key)
                self._append(replace(file, machine=machine, time=time))
            if not found:
                raise _no_recordings(word, own)
            self.skipped.merge(own)

    def _append(self, file: ArchiveFile) -> None:
        self.files += 1
        self.size_bytes += file.size_bytes or 0
        self.machines.add(file.machine or "")
        self._spool.write(json.dumps(_values(file)) + "\n")


def _no_recordings(word: str, skipped: SkippedFiles) -> InputError:
    message = skipped.message()
    here = "no audio files here" if message is None else f"no audio files here ({message})"
    return InputError(here, where=word, hint="WAV, FLAC, OGG, AIFF and MP3 are found")


def words_of_list(file: Iterable[str]) -> list[str]:
    """Return the words of a list, one a line; empty lines and those that begin with # are left out."""
    lines = (line.rstrip("\r\n") for line in file)
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _found(word: str, endpoint: str | None, skipped: SkippedFiles) -> Iterator[ArchiveFile]:
    """Yield the files of one word."""
    path = Path(word)
    if is_address(word):
        yield from _remote(word, endpoint, skipped)
    elif path.is_dir():
        yield from walk(LocalTree(), word, skipped, members)
    elif path.exists():
        yield from members(word, skipped) if is_container(word) else [local_file(path)]
    elif _GLOB & set(word):
        matches = sorted(glob.glob(word, recursive=True), key=Path)
        if not matches:
            raise InputError("no file or folder matches", where=word, hint="check the pattern")
        for match in matches:
            # Folders that match are searched; `**` names those below them as well.
            if not (Path(match).is_dir() and "**" in word):
                yield from _found(match, endpoint, skipped)
    else:
        raise InputError("there is no such file or folder", where=word, hint="check the path")


def _remote(address: str, endpoint: str | None, skipped: SkippedFiles) -> Iterator[ArchiveFile]:
    tree = RemoteTree(address, endpoint)
    if tree.is_file():
        entry = tree.file_entry()
        yield ArchiveFile(entry.path, entry.size_bytes, entry.mtime_ns)
        return
    yield from walk(tree, address, skipped)


def _values(file: ArchiveFile) -> list[Any]:
    time = None if file.time is None else file.time.isoformat()
    return [file.path, file.size_bytes, file.mtime_ns, file.machine, time, file.offset, file.fault]


def _file(values: list[Any]) -> ArchiveFile:
    path, size, mtime, machine, time, offset, fault = values
    return ArchiveFile(
        path, size, mtime, machine, None if time is None else datetime.fromisoformat(time), offset, fault
    )
