from __future__ import annotations

import copy
from pathlib import Path

import pytest

from anomaly.archive.executors import ProcessPool, SerialExecutor
from anomaly.archive.scoring_task import ScoringTask
from anomaly.errors import ModelError


@pytest.fixture
def task(pump_bundle: Path) -> ScoringTask:
    return ScoringTask(pump_bundle, per_second=True)


@pytest.fixture
def files(pump_recordings: Path, tmp_path: Path) -> list[Path]:
    unreadable = tmp_path / "bad.wav"
    unreadable.write_bytes(b"")
    first, second, *_ = sorted(pump_recordings.rglob("*.wav"))
    return [first, unreadable, second]


def test_the_run_continues_after_an_unreadable_file(task: ScoringTask, files: list[Path]) -> None:
    rows = list(SerialExecutor().map(task, files))
    assert [row.path for row in rows] == [str(path) for path in files]
    assert [row.status for row in rows] == ["ok", "error", "ok"]
    assert [len(row.per_second or ()) for row in rows] == [6, 0, 6]


def test_other_processes_give_the_same_bits(task: ScoringTask, files: list[Path]) -> None:
    assert list(ProcessPool(2).map(task, files)) == list(SerialExecutor().map(task, files))


def test_the_bundle_is_opened_once_and_not_copied(task: ScoringTask) -> None:
    assert task.loaded is task.loaded
    assert copy.copy(task) == task
    assert set(copy.copy(task).__dict__) == set(ScoringTask.__dataclass_fields__)


def test_a_bundle_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        _ = ScoringTask(tmp_path).loaded
