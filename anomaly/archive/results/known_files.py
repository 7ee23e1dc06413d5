"""Files that a table holds already, by hashes: sixteen bytes a file, so that a million of them fit everywhere."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from anomaly.archive.archive_file import ArchiveFile, content_key, path_key

Keys = npt.NDArray[np.uint64]


class KnownFiles:
    """Hashes of the rows of all parts.

    Args:
        content: hash of each file as it was scored, see `ArchiveFile.content_key`.
    """

    def __init__(self, content: Keys) -> None:
        self._content = np.sort(content)

    def __len__(self) -> int:
        return len(self._content)

    def __contains__(self, file: ArchiveFile) -> bool:
        key = np.uint64(file.content_key)
        at = int(np.searchsorted(self._content, key))
        return at < len(self._content) and bool(self._content[at] == key)


def content_keys(rows: Iterable[tuple[str, str | None, int | None, int | None]]) -> Keys:
    """Return the hash of each row: path, machine, size and time of the last change."""
    return np.array([content_key(*row) for row in rows], np.uint64)


def path_keys(rows: Iterable[tuple[str, str | None]]) -> Keys:
    """Return the hash of path and machine of each row."""
    return np.array([path_key(*row) for row in rows], np.uint64)
