"""Pipeline from the files of an archive to its tables, one row at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from typing import TypeVar

from anomaly.archive.executors import Executor
from anomaly.archive.result_counts import ResultCounts
from anomaly.archive.rows import FileRow
from anomaly.archive.writers import TableWriter

File = TypeVar("File")


def score_archive(
    files: Iterable[File],
    score: Callable[[File], FileRow],
    writers: Sequence[TableWriter],
    executor: Executor,
    *,
    on_row: Callable[[ResultCounts], None] = lambda counts: None,
) -> ResultCounts:
    """Score files and write the row of each as it is done; no row is kept, so memory does not grow with their number.

    Args:
        files: in the order of the rows.
        score: the work on one file, such as `anomaly.archive.shard_task.ShardTask.single`.
        writers: each gets every row; finishing or discarding them is left to the caller.
        executor: runs the work.
        on_row: called with the counts so far after each row.

    Returns:
        The counts of all rows.
    """
    counts = ResultCounts()
    with closing(executor.map(score, files)) as rows:
        for row in rows:
            for writer in writers:
                writer.write(row)
            counts.add(row)
            on_row(counts)
    return counts
