"""Run of an archive into a folder of Parquet parts: nothing is kept in memory but the files in work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing

from anomaly.archive.archive_file import ArchiveFile
from anomaly.archive.executors import Executor
from anomaly.archive.result_counts import ResultCounts
from anomaly.archive.results.known_files import KnownFiles
from anomaly.archive.results.result_folder import ResultFolder
from anomaly.archive.rows import FileRow
from anomaly.archive.shards import SHARD_FILES, Shard, sharded


def score_into_parts(
    files: Iterable[ArchiveFile],
    score: Callable[[Shard], Sequence[FileRow]],
    folder: ResultFolder,
    executor: Executor,
    *,
    known: KnownFiles,
    shard_files: int = SHARD_FILES,
    stop: Callable[[], bool] = lambda: False,
    on_part: Callable[[ResultCounts], None] = lambda counts: None,
) -> ResultCounts:
    """Score the files that are not known, and write a part for each shard as it is done.

    Args:
        files: of the archive, in the order of the rows.
        score: the work on one shard.
        folder: of the parts; finishing it is left to the caller.
        executor: runs the work.
        known: files that have a row already.
        shard_files: most files of a shard.
        stop: asked before each shard that is handed out; the shards in work are then completed.
        on_part: called with the counts so far after each part.

    Returns:
        The counts of the rows of this run.

    Raises:
        ConfigError: the folder cannot be written.
        ModelError: a bundle cannot be used.
    """
    counts = ResultCounts()
    new = (file for file in files if file not in known)
    shards = sharded(new, most_files=shard_files, stop=stop)
    with closing(executor.map(score, shards)) as results:
        for rows in results:
            folder.write_part(rows)
            for row in rows:
                counts.add(row)
            on_part(counts)
    return counts
