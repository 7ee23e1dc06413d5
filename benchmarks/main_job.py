"""Main job: fault detection in real sound by the chip's network, its teacher and two baselines.

    python benchmarks/main_job.py [--json] [--quick] [--recordings DIR] [--seeds N] [--only NAME]...

Trains every detector on each set's normal sound, without a cache, and prints the AUC and the partial AUC
per set, level and detector: the mean over seeds, with the 95 % interval over recordings.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from anomaly.errors import AnomalyError
from anomaly.evaluate.bench.rounds import BenchDetector, Rounds, Score, run_rounds
from anomaly.evaluate.bench.summary import Results, summarise_rounds
from baselines import Samples
from baselines.dcase_ae import DcaseAe
from baselines.mean_knn import MeanKnn
from lib.contestants import EPOCHS, baseline, clip_by_clip
from lib.main_sets import TRAIN_MIXES, main_sets
from lib.paths import default_recordings
from lib.progress import log
from lib.result_tables import as_json, table_lines

SEEDS = 3
DETECTORS = ("teacher", "student", "dcase_ae", "mean_knn")


def product(clips: Sequence[Samples], seed: int) -> Mapping[str, Score]:
    """Train the product: its teacher, and the student that runs on the chip."""
    from anomaly.training import train_on_clips

    model = train_on_clips(clips, profile="fast", seed=seed)
    return {
        "teacher": clip_by_clip(lambda samples: model.score_clip(samples, detector="teacher")),
        "student": clip_by_clip(lambda samples: model.score_clip(samples, detector="student")),
    }


def detectors(only: Collection[str]) -> list[BenchDetector]:
    """Trainings that produce the detectors of these names."""
    chosen = []
    if "teacher" in only or "student" in only:
        chosen.append(BenchDetector("teacher and student", product))
    if "dcase_ae" in only:
        chosen.append(baseline("dcase_ae", lambda seed: DcaseAe(EPOCHS, seed, _each_tenth)))
    if "mean_knn" in only:
        chosen.append(baseline("mean_knn", lambda seed: MeanKnn()))
    return chosen


def run(recordings: Path, seeds: int, quick: bool, only: Collection[str]) -> Results:
    """Train and score the detectors on every set with every seed, and summarise."""
    rounds: Rounds = {}
    mixes = TRAIN_MIXES // 2 if quick else TRAIN_MIXES
    for seed in range(seeds):
        for group in main_sets(recordings, seed, mixes):
            run_rounds(rounds, group, seed, detectors(only), log=log)
    return summarise_rounds({key: scored for key, scored in rounds.items() if key[2] in only})


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run, print."""
    options = _parser().parse_args(arguments)
    seeds = options.seeds or (1 if options.quick else SEEDS)
    started = time.monotonic()
    try:
        results = run(options.recordings, seeds, options.quick, options.only or DETECTORS)
    except AnomalyError as error:
        log(f"error: {error}" + (f"\n  {error.hint}" if error.hint else ""))
        return int(error.exit_code)
    seconds = time.monotonic() - started
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if options.json:
        print(json.dumps(_as_json(results, seeds, options.quick, seconds, peak_gib), indent=2))
    else:
        print("\n".join(table_lines(results)))
        print(
            f"{seeds} seed(s), DCASE autoencoder with {EPOCHS} epochs, {seconds:.0f} s, {peak_gib:.1f} GiB at most"
        )
    return 0


def _as_json(results: Results, seeds: int, quick: bool, seconds: float, peak_gib: float) -> dict[str, object]:
    return {
        "sets": as_json(results),
        "seeds": seeds,
        "quick": quick,
        "dcase_epochs": EPOCHS,
        "seconds": round(seconds, 1),
        "peak_gib": round(peak_gib, 2),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="one seed, half as many mixtures to train on")
    parser.add_argument(
        "--recordings", type=Path, default=default_recordings(), help="folder with slider/ and bldc/"
    )
    parser.add_argument("--seeds", type=int, help=f"how many; {SEEDS} if left out, 1 with --quick")
    parser.add_argument(
        "--only", action="append", choices=DETECTORS, help="only this detector; may be repeated"
    )
    return parser


def _each_tenth(epoch: int, epochs: int, loss: float) -> None:
    if epoch % 10 == 0:
        log(f"  dcase_ae epoch {epoch} of {epochs}, loss {loss:.2f} dB²")


if __name__ == "__main__":
    raise SystemExit(main())
