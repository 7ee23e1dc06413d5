"""Mutated audio files through `anomaly score`: no crash, no hang, bounded memory, and a cause for each that is refused.

    python benchmarks/archive_fuzz.py [--json] [--quick] [--files N] [--seed N]

Recordings of ten formats are cut, their bytes flipped, their headers' numbers replaced, chunks moved, copied and
removed, or everything is random. Each is scored in a worker process, which is watched.

    crashed        files that ended the worker
    hung           files that took longer than a minute
    without_cause  files without a score whose row names no cause, and errors of the program
    peak_mib       largest memory of a worker
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import selectors
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from lib.paths import ROOT
from lib.progress import log

FILES, QUICK_FILES = 10_000, 500
MODEL = ROOT / "models" / "example-pump"
_TIMEOUT_S = 60.0
_FORMATS = (
    ("WAV", "PCM_16", ".wav"),
    ("WAV", "PCM_24", ".wav"),
    ("WAV", "FLOAT", ".wav"),
    ("WAVEX", "PCM_16", ".wav"),
    ("RF64", "PCM_16", ".rf64"),
    ("W64", "PCM_16", ".w64"),
    ("FLAC", "PCM_16", ".flac"),
    ("OGG", "VORBIS", ".ogg"),
    ("OGG", "OPUS", ".opus"),
    ("MP3", "MPEG_LAYER_III", ".mp3"),
    ("AIFF", "PCM_16", ".aiff"),
    ("CAF", "PCM_16", ".caf"),
)
_NUMBERS = (0, 1, 2, 3, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 44_100, 0xFFFFFFF0)


def originals() -> list[tuple[bytes, str]]:
    """Recordings of two seconds in each format, with their suffixes."""
    random = np.random.default_rng(0)
    found = []
    for kind, subtype, suffix in _FORMATS:
        for rate_hz, channels in ((16_000, 1), (48_000, 2)):
            file = io.BytesIO()
            sound = random.standard_normal((2 * rate_hz, channels)) * 0.1
            soundfile.write(file, sound, rate_hz, format=kind, subtype=subtype)
            found.append((file.getvalue(), suffix))
    return found


def mutated(data: bytes, random: np.random.Generator) -> bytes:
    """Damage a file in one to four ways."""
    content = bytearray(data)
    for _ in range(int(random.integers(1, 5))):
        at = int(
            random.integers(0, max(1, min(len(content), 200 if random.random() < 0.7 else len(content))))
        )
        size = int(random.integers(1, 64))
        kind = int(random.integers(0, 8))
        if kind == 0:
            del content[int(random.integers(0, len(content) + 1)) :]
        elif kind == 1:
            content[at : at + size] = random.bytes(size)
        elif kind == 2 and len(content) > at:
            content[at] ^= 1 << int(random.integers(0, 8))
        elif kind == 3:
            number = _NUMBERS[int(random.integers(0, len(_NUMBERS)))]
            width = int(random.choice([2, 4, 8]))
            content[at : at + width] = (number % (1 << 8 * width)).to_bytes(width, "little")
        elif kind == 4:
            content[at:at] = content[at : at + size]
        elif kind == 5:
            del content[at : at + size]
        elif kind == 6:
            content[at:at] = random.bytes(size)
        elif random.random() < 0.1:
            content = bytearray(random.bytes(int(random.integers(0, 5_000))))
    return bytes(content)


def work(first: int, count: int, seed: int) -> None:
    """Score mutated files, and print the number and the outcome of each."""
    from anomaly.archive.archive_file import local_file
    from anomaly.archive.scoring_task import ScoringTask

    task, sources = ScoringTask(MODEL), originals()
    with tempfile.TemporaryDirectory(prefix="archive-fuzz-") as folder:
        for number in range(first, count):
            random = np.random.default_rng([seed, number])
            data, suffix = sources[int(random.integers(0, len(sources)))]
            path = Path(folder) / f"mutated{suffix}"
            path.write_bytes(mutated(data, random))
            print("begin", number, flush=True)
            try:
                (row,) = task.many([Path(local_file(path).path)])
                named = row.status == "ok" or bool(row.error)
                outcome = row.status if named else "without_cause"
            except Exception as error:  # any error of the program is a finding
                outcome = f"raised-{type(error).__name__}"
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print("end", outcome, round(peak, 1), flush=True)
            path.unlink()


def lines(first: int, count: int, seed: int) -> Iterator[list[str] | None]:
    """Yield the lines of a worker; None where it says nothing for too long."""
    command = [sys.executable, __file__, "--worker", str(first), "--files", str(count), "--seed", str(seed)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'benchmarks'}"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        selector = selectors.DefaultSelector()
        selector.register(process.stdout, selectors.EVENT_READ)
        rest = b""
        while True:
            if not selector.select(_TIMEOUT_S):
                process.kill()
                yield None
                return
            piece = os.read(process.stdout.fileno(), 65_536)
            if not piece:
                return
            *whole, rest = (rest + piece).split(b"\n")
            yield from (line.decode().split() for line in whole)


def run(count: int, seed: int) -> dict[str, object]:
    """Score all files with as many workers as it takes."""
    outcomes: Counter[str] = Counter()
    first, peak_mib = 0, 0.0
    while first < count:
        current = None
        for line in lines(first, count, seed):
            if line is None:
                outcomes["hung"] += 1
            elif line[0] == "begin":
                current = int(line[1])
                if current and current % 1_000 == 0:
                    log(f"{current} of {count} files: {dict(outcomes)}")
            else:
                outcomes[line[1]] += 1
                peak_mib, first, current = max(peak_mib, float(line[2])), (current or 0) + 1, None
                continue
            if line is None:
                first, current = (current or 0) + 1, None
        if current is not None:
            outcomes["crashed"] += 1
            first = current + 1
    without = outcomes["without_cause"] + sum(n for name, n in outcomes.items() if name.startswith("raised"))
    return {
        "files": count,
        "crashed": outcomes["crashed"],
        "hung": outcomes["hung"],
        "without_cause": without,
        "peak_mib": peak_mib,
        "outcomes": dict(sorted(outcomes.items())),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_FILES} files")
    parser.add_argument("--files", type=int, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="of the mutations")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    count = options.files or (QUICK_FILES if options.quick else FILES)
    if options.worker is not None:
        work(options.worker, count, options.seed)
        return
    print(json.dumps(run(count, options.seed), indent=None if options.json else 1))


if __name__ == "__main__":
    main()
