"""Throughput of scoring an archive on one core, files to rows, beside the DCASE baseline in the same run.

    python benchmarks/archive_throughput.py [--json] [--quick] [--clips N]

Clips are WAVs of ten seconds, 16 kHz, of a simulated pump. Times are processor seconds of one thread, so that other
work on the machine counts little; `load` is its load average during the run.

    times_real_time_per_core            a student of at most 300 neurons, compiled engine
    full_chip_times_real_time_per_core  a full chip of 1,024 neurons of 25 synapses, four micro-steps
    numpy_times_real_time_per_core      the student with NumPy alone
    vs_dcase_pipeline                   the first over librosa's features and the torch autoencoder of DCASE 2020
    scaling_2                           rate of two processes over that of one, wall time
    stages_ms                           milliseconds of a clip: reading, mel, sensor check, encoder, network, rest
    startup_s                           processor seconds until a worker has scored its first clip
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from anomaly.archive.archive_file import ArchiveFile, local_file
from anomaly.archive.executors import ProcessPool
from anomaly.archive.scoring_task import ScoringTask
from anomaly.archive.shard_task import ShardTask
from anomaly.archive.shards import sharded
from anomaly.detect.batch_file_score import BatchScorer
from anomaly.detect.calibration.calibration import calibrate
from anomaly.detect.detectors.student import StudentDetector
from anomaly.detect.pooling import fit_pooling
from anomaly.detect.scoring import Scorer, recording_errors
from anomaly.features.delta_encoder import DeltaEncoder
from anomaly.features.front_end import segment_levels
from chip.arch import load_arch
from chip.testing import full_random_network
from lib.paths import BUILD, ROOT
from lib.progress import log

CLIPS, QUICK_CLIPS = 2_000, 200
CLIP_S, RATE_HZ = 10, 16_000
MODELS = BUILD / "archive_throughput"
_DCASE_CLIPS, _NUMPY_CLIPS = 40, 40
# Factor of the thresholds of the random network.
_CALM = 4


def bundle() -> Path:
    """Bundle of a student of at most 300 neurons; it is trained once, in some minutes."""
    found = MODELS / "pump300"
    if not found.is_dir():
        data = MODELS / "data"
        command = [sys.executable, "-m", "anomaly"]
        simulated = ["data", "simulate", "--machine", "pump", "--minutes", "10", "--clip-seconds", "10"]
        subprocess.run(
            [*command, *simulated, "--out", str(data), "--states", "steady", "--seed", "3"], check=True
        )
        trained = ["train", "--data", str(data), "--machine", "pump300", "--models", str(MODELS)]
        subprocess.run([*command, *trained, "--profile", "fast", "--max-neurons", "300"], check=True)
    return found


def write_clips(folder: Path, count: int) -> list[ArchiveFile]:
    """Write clips that begin at different moments of one recording."""
    samples = _sound()
    random = np.random.default_rng(0)
    files = []
    for number in range(count):
        start = int(random.integers(0, len(samples) - CLIP_S * RATE_HZ))
        path = folder / f"{number:05d}.wav"
        soundfile.write(path, samples[start : start + CLIP_S * RATE_HZ], RATE_HZ, subtype="PCM_16")
        files.append(replace(local_file(path), machine="pump"))
    return files


def _sound() -> Any:
    from anomaly.audio.files.recordings import read_16k

    recordings = sorted((MODELS / "data").rglob("*.wav"))[:30]
    return np.concatenate([read_16k(path) for path in recordings])


def processor_s(work: Callable[[], object]) -> float:
    """Processor time of one call."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def times_real_time(work: Callable[[], object], clips: int) -> float:
    """Seconds of sound per processor second."""
    return clips * CLIP_S / processor_s(work)


def full_chip(scorer: Scorer, paths: Sequence[Path]) -> Scorer:
    """Scorer like another one whose network fills the chip."""
    detector = scorer.detector
    assert isinstance(detector, StudentDetector)
    arch = load_arch("senna")
    network = full_random_network(arch, seed=0, inputs=detector.bands)
    # As many neurons fire as in a student: some per cent. Read-outs count, so they do not fire negatively.
    theta, negative = network.theta_p * _CALM, network.negative.copy()
    negative[network.outputs] = False
    network = replace(network, theta_p=theta, theta_n=theta, w_fb=theta, negative=negative)
    student = StudentDetector(detector._code, network, arch.v_sat)
    from anomaly.audio.files.recordings import read_16k

    errors = [recording_errors(read_16k(path), scorer.front_end, student) for path in paths]
    pooling = fit_pooling([second for recording in errors for second in recording], "count")
    scores = [[pooling.second(second).score for second in recording] for recording in errors]
    return Scorer(scorer.front_end, student, calibrate(pooling, scores), scorer.states, scorer.level)


def stages_ms(scorer: Scorer, task: ScoringTask, paths: Sequence[Path], whole_ms: float) -> dict[str, float]:
    """Milliseconds of a clip by stage."""
    from anomaly.audio.files.plain_wav import read_plain_wav
    from anomaly.audio.files.recordings import ReadingReport

    detector, check = scorer.detector, task.loaded[2]
    assert isinstance(detector, StudentDetector)
    sounds = [read_plain_wav(path, ReadingReport(), "mean") for path in paths]
    known = [sound for sound in sounds if sound is not None]
    levels = np.concatenate([segment_levels(sound, scorer.front_end) for sound in known])
    encoder = DeltaEncoder(detector._code, len(levels))
    steps = encoder.steps(levels)
    simulator = detector._simulator
    simulator.reset(len(levels))
    per_clip = {
        "read": lambda: [read_plain_wav(path, ReadingReport(), "mean") for path in paths],
        "mel": lambda: [segment_levels(sound, scorer.front_end) for sound in known],
        "sensor": lambda: [check.seconds(sound) for sound in known],
        "encode": lambda: encoder.steps(levels),
        "network": lambda: simulator.run(steps),
    }
    found = {name: round(processor_s(work) / len(paths) * 1e3, 3) for name, work in per_clip.items()}
    return {**found, "rest": round(whole_ms - sum(found.values()), 3)}


def dcase_times_real_time(paths: Sequence[Path]) -> float:
    """Rate of librosa's features and the autoencoder of DCASE 2020, one thread."""
    import librosa

    from baselines.dcase_ae import DcaseAe
    from lib.threads import limit_to_one_thread

    limit_to_one_thread()
    detector = DcaseAe(epochs=1)
    detector.fit([librosa.load(path, sr=RATE_HZ)[0] for path in paths[:3]])
    detector.score(librosa.load(paths[0], sr=RATE_HZ)[0])
    return times_real_time(
        lambda: [detector.score(librosa.load(path, sr=RATE_HZ)[0]) for path in paths], len(paths)
    )


def wall_s(task: ShardTask, files: Sequence[ArchiveFile], processes: int) -> float:
    """Wall time of a run by processes, without their start."""
    shards = list(sharded(files, most_files=50))
    results = ProcessPool(processes).map(task, [*[shard[:1] for shard in shards[: 2 * processes]], *shards])
    for _ in range(2 * processes):
        next(results)
    begin = time.monotonic()
    for _ in results:
        pass
    return time.monotonic() - begin


def worker_figures(files: Sequence[ArchiveFile], model: Path) -> tuple[float, float]:
    """Processor time until a fresh process has scored one clip, and its memory in MiB after all."""
    code = (
        "import sys, time; from pathlib import Path\n"
        "from anomaly.archive.archive_file import local_file\n"
        "from anomaly.archive.scoring_task import ScoringTask\n"
        "from anomaly.archive.shard_task import ShardTask\n"
        "from dataclasses import replace\n"
        "task = ShardTask({'pump': ScoringTask(Path(sys.argv[1]))}, compiled=True)\n"
        "files = [replace(local_file(Path(path)), machine='pump') for path in sys.argv[2:]]\n"
        "task(tuple(files[:1])); begin = time.process_time(); task(tuple(files))\n"
        "peak = [line for line in open('/proc/self/status') if line.startswith('VmHWM')][0].split()[1]\n"
        "print(begin, int(peak) / 1024)\n"
    )
    words = [sys.executable, "-c", code, str(model), *(file.path for file in files[:500])]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(2):
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    start, peak_mib = map(float, done.stdout.split())
    return round(start, 2), round(peak_mib)


def measure(count: int) -> dict[str, object]:
    """Measure all figures."""
    model = bundle()
    with tempfile.TemporaryDirectory(prefix="archive-throughput-") as folder:
        files = write_clips(Path(folder), count)
        paths = [Path(file.path) for file in files]
        plain = ScoringTask(model)
        list(plain.many(paths[:2]))
        numpy_rate = times_real_time(lambda: list(plain.many(paths[:_NUMPY_CLIPS])), _NUMPY_CLIPS)
        log(f"NumPy {numpy_rate:.0f}")
        task = ShardTask({"pump": ScoringTask(model)}, compiled=True)
        task(tuple(files[:2]))
        rate = times_real_time(lambda: [task(shard) for shard in sharded(files)], count)
        log(f"student {rate:.0f}")
        scorer, limit, sensor, formats = task.tasks["pump"].loaded
        full = BatchScorer(full_chip(scorer, paths[:6]), limit, sensor, "mean", formats)
        list(full.score(paths[:64]))
        full_rate = times_real_time(lambda: list(full.score(paths)), count)
        log(f"full chip {full_rate:.0f}")
        stages = stages_ms(scorer, task.tasks["pump"], paths[:64], CLIP_S / rate * 1e3)
        one, two = (wall_s(task, files, processes) for processes in (1, 2))
        start_s, peak_mib = worker_figures(files, model)
        dcase = dcase_times_real_time(paths[:_DCASE_CLIPS])
        return {
            "times_real_time_per_core": round(rate),
            "full_chip_times_real_time_per_core": round(full_rate),
            "numpy_times_real_time_per_core": round(numpy_rate),
            "dcase_times_real_time_per_core": round(dcase),
            "vs_dcase_pipeline": round(rate / dcase, 2),
            "scaling_2": round(one / two, 2),
            "stages_ms": stages,
            "startup_s": start_s,
            "peak_mib": peak_mib,
            "clips": count,
            "load": round(os.getloadavg()[1], 1),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_CLIPS} clips")
    parser.add_argument("--clips", type=int, help="how many")
    options = parser.parse_args()
    result = measure(options.clips or (QUICK_CLIPS if options.quick else CLIPS))
    print(json.dumps(result, indent=None if options.json else 1))


if __name__ == "__main__":
    main()
