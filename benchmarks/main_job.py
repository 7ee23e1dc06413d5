"""The main job: does the chip's network hear faults in real sound, beside its teacher and two baselines?

    python benchmarks/main_job.py [--json] [--quick] [--recordings DIR] [--seeds N] [--only NAME]...

Trains every detector on each set's normal sound, in this run, and prints the AUC and the partial AUC
per set, level and detector: the mean over seeds, with the 95 % interval over recordings.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from baselines import Samples
from baselines.dcase_ae import DcaseAe
from baselines.mean_knn import MeanKnn
from harness import as_json, baseline, each, lines, say
from sets import TRAIN_MIXES, main_sets

from anomaly.errors import AnomalyError
from anomaly.evaluate.bench.rounds import BenchDetector, Rounds, Score, run_rounds
from anomaly.evaluate.bench.summary import Results, sum_up

EPOCHS = 100
SEEDS = 3
DETECTORS = ("teacher", "student", "dcase_ae", "mean_knn")


def product(clips: Sequence[Samples], seed: int) -> Mapping[str, Score]:
    """The teacher, and the student that runs on the chip."""
    from anomaly.training import train_on_clips

    model = train_on_clips(clips, profile="fast", seed=seed)
    return {
        "teacher": each(lambda samples: model.score_clip(samples, detector="teacher")),
        "student": each(lambda samples: model.score_clip(samples, detector="student")),
    }


def contestants(only: Collection[str]) -> list[BenchDetector]:
    """What has to be trained to have the detectors asked for."""
    chosen = []
    if "teacher" in only or "student" in only:
        chosen.append(BenchDetector("teacher and student", product))
    if "dcase_ae" in only:
        chosen.append(baseline("dcase_ae", lambda seed: DcaseAe(EPOCHS, seed, _each_tenth)))
    if "mean_knn" in only:
        chosen.append(baseline("mean_knn", lambda seed: MeanKnn()))
    return chosen


def run(recordings: Path, seeds: int, quick: bool, only: Collection[str]) -> Results:
    """Build every set with every seed, train, score, sum up."""
    rounds: Rounds = {}
    mixes = TRAIN_MIXES // 2 if quick else TRAIN_MIXES
    for seed in range(seeds):
        for group in main_sets(recordings, seed, mixes):
            run_rounds(rounds, group, seed, contestants(only), say=say)
    return sum_up({key: played for key, played in rounds.items() if key[2] in only})


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run, print."""
    given = _parser().parse_args(arguments)
    seeds = given.seeds or (1 if given.quick else SEEDS)
    started = time.monotonic()
    try:
        results = run(given.recordings, seeds, given.quick, given.only or DETECTORS)
    except AnomalyError as error:
        say(f"error: {error}" + (f"\n  {error.hint}" if error.hint else ""))
        return int(error.exit_code)
    seconds = time.monotonic() - started
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if given.json:
        print(json.dumps(_as_json(results, seeds, given.quick, seconds, peak_gib), indent=2))
    else:
        print("\n".join(lines(results)))
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
    default = Path(os.environ.get("ANOMALY_RECORDINGS", Path(__file__).parents[2] / "shared" / "audio"))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="one seed, half as many mixtures to train on")
    parser.add_argument("--recordings", type=Path, default=default, help="folder with slider/ and bldc/")
    parser.add_argument("--seeds", type=int, help=f"how many; {SEEDS} if left out, 1 with --quick")
    parser.add_argument("--only", action="append", choices=DETECTORS, help="leave the other detectors out")
    return parser


def _each_tenth(epoch: int, epochs: int, loss: float) -> None:
    if epoch % 10 == 0:
        say(f"  dcase_ae epoch {epoch} of {epochs}, loss {loss:.2f} dB²")


if __name__ == "__main__":
    raise SystemExit(main())
