"""Scoring of a shard: the work of one call in a worker process, or on another computer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import groupby, islice
from pathlib import Path

from anomaly.archive.archive_file import ArchiveFile
from anomaly.archive.rows import FileRow, failed_row, with_file
from anomaly.archive.scoring_task import ScoringTask
from anomaly.archive.shards import Shard
from anomaly.archive.sources.opening import FileOpener
from anomaly.archive.sources.time_metadata import recorded_time
from anomaly.audio.compiled import compiled_kernels
from anomaly.errors import ConfigError, InputError, RemoteError

# Files that are open at a time: those of an archive or a store lie in the temporary folder meanwhile.
_OPEN_FILES = 64


@dataclass(frozen=True)
class ShardTask:
    """Scoring of the files of a shard, each by the model of its machine.

    Args:
        tasks: scoring of a file of each machine.
        endpoint: address of the object store, where it is not Amazon's.
        compiled: use compiled code, where Numba is installed: the same bits, after a second for loading.
    """

    tasks: Mapping[str, ScoringTask]
    endpoint: str | None = None
    compiled: bool = False

    def __call__(self, shard: Shard) -> tuple[FileRow, ...]:
        """Score the files, and return their rows in order; a file that cannot be scored is a row with its error.

        Raises:
            ModelError: a bundle cannot be used.
        """
        if self.compiled and not compiled_kernels.are_loaded():
            compiled_kernels.load()
            compiled_kernels.keep_freed_memory()
        rows: list[FileRow] = []
        with FileOpener(self.endpoint) as opener:
            for machine, files in groupby(shard, key=lambda file: file.machine or ""):
                while group := list(islice(files, _OPEN_FILES)):
                    rows += self._rows(group, self.tasks[machine], opener)
        return tuple(rows)

    def single(self, file: ArchiveFile) -> FileRow:
        """Score one file."""
        task = self.tasks[file.machine or ""]
        with FileOpener(self.endpoint) as opener, ExitStack() as stack:
            opened = _opened(file, opener, stack, task)
            return (
                opened if isinstance(opened, FileRow) else with_file(task(opened[1]), opened[0], task.version)
            )

    def _rows(self, files: Sequence[ArchiveFile], task: ScoringTask, opener: FileOpener) -> Iterator[FileRow]:
        with ExitStack() as stack:
            opened = [_opened(file, opener, stack, task) for file in files]
            scored = task.many(one[1] for one in opened if not isinstance(one, FileRow))
            for one in opened:
                yield one if isinstance(one, FileRow) else with_file(next(scored), one[0], task.version)


def _opened(
    file: ArchiveFile, opener: FileOpener, stack: ExitStack, task: ScoringTask
) -> tuple[ArchiveFile, Path] | FileRow:
    """Return a file with its time and the path of its content, or the row that says why there is none.

    Raises:
        ConfigError: a package that the place of the file needs is missing.
    """
    if file.fault is not None:
        return failed_row(file, file.fault, task.version)
    try:
        path = stack.enter_context(opener.local_path(file))
    except ConfigError:
        raise
    except (InputError, RemoteError) as error:
        return failed_row(file, error.message, task.version)
    return (file if file.time is not None else replace(file, time=recorded_time(path))), path
