"""Scoring task that carries its bundles, for workers that do not see the folder they came from."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from anomaly.archive.rows import FileRow
from anomaly.archive.scoring_task import ScoringTask
from anomaly.archive.shard_task import ShardTask
from anomaly.archive.shards import Shard


@dataclass(frozen=True)
class PortableTask:
    """Scoring of a shard, complete with the files of its bundles.

    Args:
        task: of a computer that has the bundles.
        files: content of each bundle by the names of machine and file.
    """

    task: ShardTask
    files: Mapping[str, Mapping[str, bytes]]

    def __call__(self, shard: Shard) -> tuple[FileRow, ...]:
        """Score the files of a shard; the bundles are unpacked for the first one."""
        return self.unpacked(shard)

    @functools.cached_property
    def unpacked(self) -> ShardTask:
        """Task whose bundles lie in a temporary folder."""
        # Kept as long as this task: the folder goes with it.
        folder = tempfile.TemporaryDirectory(prefix="anomaly-models-")
        self.__dict__["_folder"] = folder
        tasks = {name: self._unpack(name, task, Path(folder.name)) for name, task in self.task.tasks.items()}
        return replace(self.task, tasks=tasks)

    def _unpack(self, machine: str, task: ScoringTask, folder: Path) -> ScoringTask:
        bundle = folder / str(len(list(folder.iterdir()))) / task.bundle.name
        for name, content in self.files[machine].items():
            path = bundle / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return replace(task, bundle=bundle)

    def __getstate__(self) -> dict[str, Any]:
        """Return the task and the files, not what was unpacked here."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def portable(task: ShardTask) -> PortableTask:
    """Return a task that runs on other computers."""
    return PortableTask(task, {name: _content(one.bundle) for name, one in task.tasks.items()})


def _content(bundle: Path) -> dict[str, bytes]:
    paths = sorted(path for path in bundle.rglob("*") if path.is_file())
    return {str(path.relative_to(bundle)): path.read_bytes() for path in paths}
