"""Time and memory of `anomaly score` in the number of files: linear and flat, so that a million files fit.

    python benchmarks/archive_scale.py [--json] [--quick]

The files are hard links to a few WAVs of 1.5 s, in folders of a thousand. Each run is a process with one worker.

    files                count -> seconds and peak_mib of the whole process tree's largest process
    million_files_hours  hours for a million such files on one core, from the slope between the two largest counts
    second_run           seconds and peak_mib of the same command once more, which finds nothing new
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from lib.paths import ROOT
from lib.progress import log

COUNTS, QUICK_COUNTS = (10_000, 30_000, 100_000), (1_000, 3_000)
MODEL = ROOT / "models" / "example-pump"
_PER_FOLDER, _PER_INODE = 1_000, 20_000
_MEASURE = """
import resource, sys
from anomaly.cli import run
code = run(sys.argv[1:])
peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(code, peak / 1024)
"""


def make_files(folder: Path, count: int) -> None:
    """Fill a folder with so many recordings."""
    random = np.random.default_rng(0)
    original = folder
    for number in range(count):
        if number % _PER_INODE == 0:
            original = folder.parent / f"{folder.name}-{number}.wav"
            soundfile.write(original, random.standard_normal(24_000) * 0.05, 16_000)
        if number % _PER_FOLDER == 0:
            (folder / f"{number // _PER_FOLDER:05d}").mkdir(parents=True)
        os.link(original, folder / f"{number // _PER_FOLDER:05d}" / f"{number:07d}.wav")


def scored(folder: Path, out: Path) -> dict[str, float]:
    """Score a folder in a process of its own."""
    words = [
        "score",
        str(folder),
        "--machine",
        str(MODEL),
        "--out",
        str(out),
        "--format",
        "parquet",
        "--workers",
        "1",
    ]
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    code, peak_mib = done.stdout.split()[-2:]
    if code not in ("0", "4"):  # 4: none could be judged, because they are no sound of this machine
        raise RuntimeError(done.stderr)
    return {"seconds": round(time.monotonic() - begin, 1), "peak_mib": round(float(peak_mib), 1)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_COUNTS} files")
    options = parser.parse_args()
    counts = QUICK_COUNTS if options.quick else COUNTS
    found, second = {}, {}
    with tempfile.TemporaryDirectory(prefix="archive-scale-") as name:
        for count in counts:
            folder, out = Path(name) / f"{count}", Path(name) / f"scores-{count}"
            make_files(folder, count)
            found[str(count)] = scored(folder, out)
            log(f"{count} files: {found[str(count)]}")
            if count == counts[-1]:
                second = scored(folder, out)
            shutil.rmtree(folder)
    first, last = (found[str(count)]["seconds"] for count in counts[-2:])
    per_file_s = (last - first) / (counts[-1] - counts[-2])
    result = {"files": found, "million_files_hours": round(per_file_s * 1e6 / 3600, 2), "second_run": second}
    print(json.dumps(result) if options.json else json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
