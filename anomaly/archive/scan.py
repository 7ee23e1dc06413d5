"""Recordings of the files and folders on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from anomaly.audio.files.recordings import find_recordings
from anomaly.errors import InputError


def scan(paths: Iterable[Path]) -> list[Path]:
    """Return all recordings, each once: files in the order given, folders with all recordings below them, sorted.

    Raises:
        InputError: a path leads nowhere, a folder cannot be read, or holds no recording.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise InputError("there is no such file or folder", where=path, hint="check the path")
        recordings = find_recordings(path) if path.is_dir() else [path]
        if not recordings:
            raise InputError("no audio files here", where=path, hint="WAV, FLAC, OGG, AIFF and MP3 are found")
        found.update(dict.fromkeys(recordings))
    return list(found)
