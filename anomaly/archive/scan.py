"""Recordings of the files and folders on the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from anomaly.audio.files.recordings import FolderContents, search
from anomaly.errors import InputError

# Names shown of each suffix.
_MAX_NAMED = 3


def scan(paths: Iterable[Path], *, on_skipped: Callable[[str], None] = lambda message: None) -> list[Path]:
    """Return all recordings, each once: files in the order given, folders with all recordings below them, sorted.

    Args:
        paths: files and folders.
        on_skipped: receives one message if files of the folders are no recordings by their names.

    Raises:
        InputError: a path leads nowhere, a folder cannot be read, or holds no recording.
    """
    found: dict[Path, None] = {}
    skipped: list[FolderContents] = []
    for path in paths:
        if not path.exists():
            raise InputError("there is no such file or folder", where=path, hint="check the path")
        if not path.is_dir():
            found[path] = None
            continue
        contents = search(path)
        if not contents.recordings:
            raise _no_recordings(path, contents)
        found.update(dict.fromkeys(contents.recordings))
        skipped.append(contents)
    message = skipped_files(skipped)
    if message is not None:
        on_skipped(message)
    return list(found)


def skipped_files(folders: Iterable[FolderContents]) -> str | None:
    """Return a sentence that counts the skipped files of folders by suffix and names some; None without any."""
    by_kind: dict[str, list[Path]] = {}
    for contents in folders:
        for path in contents.others:
            by_kind.setdefault(path.suffix.lower() or "without a suffix", []).append(path)
        for path in contents.hidden:
            by_kind.setdefault(f"hidden {path.suffix.lower()}", []).append(path)
    if not by_kind:
        return None
    kinds = []
    for kind, files in sorted(by_kind.items(), key=lambda item: (-len(item[1]), item[0])):
        named = ", ".join(_printable(path.name) for path in files[:_MAX_NAMED])
        kinds.append(f"{len(files)} {kind} ({named}{', ...' if len(files) > _MAX_NAMED else ''})")
    return f"skipped by their names, no recordings: {', '.join(kinds)}"


def _no_recordings(folder: Path, contents: FolderContents) -> InputError:
    message = "no audio files here"
    skipped = skipped_files([contents])
    if skipped is not None:
        message = f"{message} ({skipped})"
    return InputError(message, where=folder, hint="WAV, FLAC, OGG, AIFF and MP3 are found")


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "�" for letter in name)
