"""Two Dask workers started by their own command on loopback: the rows of one process, also if one worker is killed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from anomaly.archive.archive_file import local_file
from anomaly.archive.cluster.dask_executor import DaskExecutor
from anomaly.archive.cluster.portable_task import portable
from anomaly.archive.cluster.worker_function import check_versions, versions
from anomaly.archive.executors import SerialExecutor
from anomaly.archive.parts_run import score_into_parts
from anomaly.archive.results.result_folder import ResultFolder
from anomaly.archive.results.run_settings import PartSettings
from anomaly.archive.scoring_task import ScoringTask
from anomaly.archive.shard_task import ShardTask
from anomaly.errors import RemoteError

ROOT = Path(__file__).resolve().parents[3]
LOOPBACK = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0")


@contextmanager
def started(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a command of Dask, and yield it with the address that it has printed."""
    command = [sys.executable, "-m", "dask", *words]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if found := re.search(r"(?:Scheduler at|Registered to): +(tcp://\S+)", line):
                    yield process, found[1]
                    return
            raise AssertionError(f"{words} ended")
        finally:
            process.kill()
            process.communicate()


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


def test_the_bytes_of_one_process_with_a_worker_killed(
    pump_bundle: Path, pump_recordings: Path, tmp_path: Path
) -> None:
    task = ScoringTask(pump_bundle)
    files = [local_file(path) for path in sorted(pump_recordings.rglob("*.wav"))]
    named = [type(file)(file.path, file.size_bytes, file.mtime_ns, "pump") for file in files]
    settings = PartSettings({"pump": task.version}, "student", 1.0, "mean", False)
    shard_task = ShardTask({"pump": task})
    serial, clustered = (ResultFolder(tmp_path / name, settings) for name in ("serial", "dask"))
    score_into_parts(named, shard_task, serial, SerialExecutor(), known=serial.known(), shard_files=1)
    worker = ("worker", "--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path), *LOOPBACK)
    with ExitStack() as stack:
        _, address = stack.enter_context(started("scheduler", "--port", "0", "--no-show", *LOOPBACK))
        first, _ = stack.enter_context(started(*worker, address))
        stack.enter_context(started(*worker, address))
        score_into_parts(
            named,
            portable(shard_task),
            clustered,
            DaskExecutor(address),
            known=clustered.known(),
            shard_files=1,
            on_part=lambda counts: first.kill(),
        )
    assert content(tmp_path / "dask") == content(tmp_path / "serial")
    assert len(content(tmp_path / "dask")) == len(files)


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anomaly.archive.cluster.dask_executor._CONNECT_S", 0.2)
    with pytest.raises(RemoteError, match="no scheduler answers"):
        next(DaskExecutor("tcp://127.0.0.1:9").map(abs, [1]))


def test_other_versions_are_refused() -> None:
    check_versions(versions(), versions(), "here")
    with pytest.raises(RemoteError, match=r"numpy 1\.0 \(here"):
        check_versions(versions(), versions() | {"numpy": "1.0"}, "there")
