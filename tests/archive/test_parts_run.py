"""Run into parts: the bytes of an uninterrupted run, whenever and however it was interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from anomaly.archive.archive_file import ArchiveFile
from anomaly.archive.executors import SerialExecutor
from anomaly.archive.parts_run import score_into_parts
from anomaly.archive.results.result_folder import ResultFolder
from anomaly.archive.results.run_settings import PartSettings
from anomaly.archive.rows import FileRow
from anomaly.archive.shards import Shard, sharded
from anomaly.archive.stop_request import stop_on_interrupt

SETTINGS = PartSettings({"pump": "abc"}, "student", 1.0, "mean", False)
FILES = [ArchiveFile(f"{number:04d}.wav", number, 5, "pump") for number in range(100)]
SCRIPT = """
import sys, time
sys.path[:0] = {paths!r}
from pathlib import Path
import test_parts_run as test
test.PAUSE_S = 0.004
print("begins", flush=True)
test.scored_into(Path(sys.argv[1]))
"""
PAUSE_S = 0.0


def rows_of(shard: Shard) -> Sequence[FileRow]:
    time.sleep(PAUSE_S)
    common = {"machine": "pump", "model": "abc", "mtime_ns": 5}
    return [
        replace(FileRow(f.path, 1.0, 0.5, 0.5, "OK", "ok", None, size_bytes=f.size_bytes), **common)  # type: ignore[arg-type]
        for f in shard
    ]


def scored_into(path: Path, files: Sequence[ArchiveFile] = FILES, stop_after: int | None = None) -> None:
    folder = ResultFolder(path, SETTINGS)
    folder.begin()
    calls = 0

    def stop() -> bool:
        nonlocal calls
        calls += 1
        return stop_after is not None and calls > stop_after

    score_into_parts(files, rows_of, folder, SerialExecutor(), known=folder.known(), shard_files=3, stop=stop)
    if stop_after is None:
        folder.finish()


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    scored_into(folder)
    return content(folder)


def test_a_stopped_run_goes_on(tmp_path: Path, whole: dict[str, bytes]) -> None:
    scored_into(tmp_path, stop_after=7)
    assert len(content(tmp_path)) == 8
    scored_into(tmp_path)
    assert content(tmp_path) == whole
    scored_into(tmp_path)
    assert {
        name: data for name, data in content(tmp_path).items() if name != "manifest.json"
    }.items() <= whole.items()


def test_kill_9_at_several_moments_leaves_the_bytes_of_one_run(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    script = SCRIPT.format(paths=[str(Path(__file__).parent), str(Path(__file__).parents[2])])
    for pause_s in (0.03, 0.08, 0.0, 0.13):
        process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(pause_s)
        process.kill()
        process.communicate()
    scored_into(tmp_path)
    assert content(tmp_path) == whole


def test_only_what_is_new_is_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored_into(tmp_path, FILES[:10])
    seen: list[str] = []
    original = rows_of

    def recorded(shard: Shard) -> Sequence[FileRow]:
        seen.extend(f.path for f in shard)
        return original(shard)

    monkeypatch.setattr(f"{__name__}.rows_of", recorded)
    changed = ArchiveFile("0003.wav", 333, 5, "pump")
    scored_into(tmp_path, [*FILES[:3], changed, *FILES[4:12]])
    assert seen == ["0003.wav", "0010.wav", "0011.wav"]


def test_shards_depend_on_the_files_alone() -> None:
    files = [ArchiveFile(str(n), size) for n, size in enumerate([5, 5, 5, 100, 1, None, 1, 1])]
    groups = [[int(f.path) for f in shard] for shard in sharded(files, most_files=3, most_bytes=12)]
    assert groups == [[0, 1], [2], [3], [4, 5, 6], [7]]


def test_the_first_interrupt_asks_and_the_second_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with stop_on_interrupt() as stop:
        assert not stop()
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        assert "press Ctrl-C again" in capsys.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
