"""kill -9 at random moments of a run into Parquet parts: in the end the bytes of a run without interruption.

python benchmarks/archive_kills.py [--json] [--quick] [--kills N]

kills        runs that were killed between their first file and their last
parts        of the table
different    files of the folder that differ from those of an uninterrupted run
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from lib.paths import ROOT
from lib.progress import log

KILLS, QUICK_KILLS, FILES, SHARD_FILES = 50, 5, 600, 4
MODEL = ROOT / "models" / "example-pump"


def work(data: Path, out: Path) -> None:
    """Score a folder, from where an earlier run was killed."""
    from anomaly.archive.archive_file import local_file
    from anomaly.archive.executors import SerialExecutor
    from anomaly.archive.parts_run import score_into_parts
    from anomaly.archive.results.result_folder import ResultFolder
    from anomaly.archive.results.run_settings import PartSettings
    from anomaly.archive.scoring_task import ScoringTask
    from anomaly.archive.shard_task import ShardTask

    task = ScoringTask(MODEL, per_second=True)
    files = [replace(local_file(path), machine="pump") for path in sorted(data.glob("*.wav"))]
    folder = ResultFolder(out, PartSettings({"pump": task.version}, "student", 1.0, "mean", True))
    folder.begin()
    _ = task.loaded
    print("begins", flush=True)
    shard_task = ShardTask({"pump": task})
    score_into_parts(
        files, shard_task, folder, SerialExecutor(), known=folder.known(), shard_files=SHARD_FILES
    )
    folder.finish()


def content(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def started(data: Path, out: Path) -> subprocess.Popen[bytes]:
    """Begin a run, and return when it scores."""
    command = [sys.executable, __file__, "--worker", str(data), str(out)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'benchmarks'}"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def measure(kills: int) -> dict[str, int]:
    """Kill runs, and compare the tables in the end."""
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(prefix="archive-kills-") as name:
        data, whole, killed = (Path(name) / part for part in ("data", "whole", "killed"))
        data.mkdir()
        for number in range(FILES):
            soundfile.write(data / f"{number:04d}.wav", random.standard_normal(24_000) * 0.05, 16_000)
        begin = time.monotonic()
        with started(data, whole) as process:
            process.wait()
        run_s = time.monotonic() - begin
        done = 0
        for number in range(kills):
            with started(data, killed) as process:
                # Short enough that the work lasts for all kills.
                time.sleep(float(random.uniform(0, run_s / kills)))
                done += process.poll() is None
                process.kill()
            if number % 10 == 9:
                log(f"{number + 1} kills, {len(list(killed.glob('files/*.parquet')))} parts")
        with started(data, killed) as process:
            process.wait()
        one, other = content(whole), content(killed)
        names = one.keys() | other.keys()
        different = sum(one.get(name) != other.get(name) for name in names)
        return {
            "kills": done,
            "parts": len([name for name in one if name.startswith("files/")]),
            "different": different,
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_KILLS} kills")
    parser.add_argument("--kills", type=int, help="how many")
    parser.add_argument("--worker", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(*options.worker)
        return
    result = measure(options.kills or (QUICK_KILLS if options.quick else KILLS))
    print(json.dumps(result, indent=None if options.json else 1))


if __name__ == "__main__":
    main()
