"""Costs of the main job: seconds and memory of the first commands of a new user, and the front end beside librosa.

    python benchmarks/main_costs.py [--json] [--quick] [--recordings DIR]

Whole processes are timed under the load that the machine happens to have; `--quick` leaves the standard profile out.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lib.paths import default_recordings


def command_s(*words: str) -> float:
    """Run a command as a process and return its seconds.

    Raises:
        RuntimeError: it failed.
    """
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "anomaly", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    if done.returncode != 0:
        raise RuntimeError(
            f"anomaly {' '.join(words)} exited {done.returncode}: {done.stderr.decode()[-300:]}"
        )
    return time.perf_counter() - started


def median_ms(run: Callable[[], object], times: int = 15) -> float:
    """Median milliseconds of some repetitions, after one that is not counted."""
    run()
    times_s = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        times_s.append(time.perf_counter() - started)
    return 1000 * statistics.median(times_s)


def front_end() -> dict[str, float]:
    """Measure the mel levels of ten seconds of sound on one thread: ours and librosa's."""
    import librosa

    from anomaly.features.mel import mel_power, pool

    sound = np.random.default_rng(0).standard_normal(160_000).astype(np.float32)
    ours = median_ms(lambda: pool(mel_power(sound), 32))

    def librosa_levels() -> object:
        power = librosa.feature.melspectrogram(y=sound, sr=16_000, n_fft=1024, hop_length=512, center=False)
        return librosa.power_to_db(power)

    peer = median_ms(librosa_levels)
    return {"mel_10s_ms": ours, "mel_10s_librosa_ms": peer, "mel_librosa_over_ours": peer / ours}


def scoring(models: Path, sound: Path) -> dict[str, float]:
    """Measure the milliseconds of each detector for ten seconds of sound."""
    from anomaly.audio.files.recordings import read_16k
    from anomaly.bundle import open_bundle
    from anomaly.detect.model import load_model

    model = load_model(open_bundle(models / "slider"))
    samples = read_16k(sound)[:160_000]
    return {
        "student_10s_ms": median_ms(lambda: model.scorer().recording(samples)),
        "teacher_10s_ms": median_ms(lambda: model.scorer("teacher").recording(samples)),
    }


def measure(recordings: Path, quick: bool) -> dict[str, float]:
    """Measure all figures."""
    figures = {"help_s": statistics.median(command_s("--help") for _ in range(5))}
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / "models"
        train = (
            "train",
            "--machine",
            "slider",
            "--data",
            str(recordings / "slider"),
            "--models",
            str(models),
        )
        figures["train_slider_fast_s"] = command_s(*train, "--profile", "fast")
        if not quick:
            figures["train_slider_standard_s"] = command_s(*train, "--profile", "standard")
        figures["train_peak_mib"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        first = sorted((recordings / "slider" / "test").glob("*.wav"))[0]
        figures |= front_end() | scoring(models, first)
        figures["demo_s"] = command_s("demo", "--out", str(Path(folder) / "demo"))
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="leave the standard profile out")
    parser.add_argument("--recordings", type=Path, default=default_recordings(), help="folder with slider/")
    options = parser.parse_args()
    figures = {name: round(value, 3) for name, value in measure(options.recordings, options.quick).items()}
    print(json.dumps(figures) if options.json else "\n".join(f"{k:<26} {v}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
