"""Shards: the files that one worker scores in one go, and whose rows make one part of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from anomaly.archive.archive_file import ArchiveFile

Shard: TypeAlias = tuple[ArchiveFile, ...]

# Files of a shard: half a minute of one core at most where each lasts ten seconds, and few parts for a million files.
SHARD_FILES = 500
# Bytes of a shard, so that long files do not make one of an hour.
SHARD_BYTES = 256 << 20


def sharded(
    files: Iterable[ArchiveFile],
    *,
    most_files: int = SHARD_FILES,
    most_bytes: int = SHARD_BYTES,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Shard]:
    """Group files in their order; the groups depend on the files alone.

    Args:
        files: of the archive.
        most_files: in a shard.
        most_bytes: in a shard of more than one file.
        stop: asked before each shard; the files after it stay for another run.
    """
    shard: list[ArchiveFile] = []
    size = 0
    for file in files:
        own = file.size_bytes or 0
        if shard and (len(shard) >= most_files or size + own > most_bytes):
            if stop():
                return
            yield tuple(shard)
            shard, size = [], 0
        shard.append(file)
        size += own
    if shard and not stop():
        yield tuple(shard)
