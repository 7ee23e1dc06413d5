"""Scoring of a shard: the work of one call in a worker process, or on another computer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from anomaly.archive.archive_file import ArchiveFile
from anomaly.archive.rows import FileRow, failed_row, with_file
from anomaly.archive.scoring_task import ScoringTask
from anomaly.archive.shards import Shard
from anomaly.archive.sources.opening import FileOpener
from anomaly.archive.sources.time_metadata import recorded_time
from anomaly.errors import InputError, RemoteError


@dataclass(frozen=True)
class ShardTask:
    """Scoring of the files of a shard, each by the model of its machine.

    Args:
        tasks: scoring of a file of each machine.
        endpoint: address of the object store, where it is not Amazon's.
    """

    tasks: Mapping[str, ScoringTask]
    endpoint: str | None = None

    def __call__(self, shard: Shard) -> tuple[FileRow, ...]:
        """Score the files, and return their rows in order; a file that cannot be scored is a row with its error.

        Raises:
            ModelError: a bundle cannot be used.
        """
        with FileOpener(self.endpoint) as opener:
            return tuple(self._row(file, opener) for file in shard)

    def single(self, file: ArchiveFile) -> FileRow:
        """Score one file."""
        return self((file,))[0]

    def _row(self, file: ArchiveFile, opener: FileOpener) -> FileRow:
        task = self.tasks[file.machine or ""]
        if file.fault is not None:
            return failed_row(file, file.fault, task.version)
        try:
            with opener.local_path(file) as path:
                if file.time is None:
                    file = replace(file, time=recorded_time(path))
                return with_file(task(path), file, task.version)
        except (InputError, RemoteError) as error:
            return failed_row(file, error.message, task.version)
