"""The product on the detection bench: teacher and student, trained on every set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from anomaly.bundle import fingerprint
from anomaly.evaluate.bench import bench_sets
from anomaly.evaluate.bench.rounds import BenchDetector, FinishedRound, Rounds, Score, run_rounds
from anomaly.features.mel import Samples
from anomaly.training.in_memory import train_on_clips
from anomaly.training.profiles import profile as profile_named


def product(profile: str) -> BenchDetector:
    """Teacher and student as a training from recordings makes them.

    Raises:
        UsageError: there is no such profile.
    """
    profile_named(profile)

    def fit(clips: Sequence[Samples], seed: int) -> Mapping[str, Score]:
        model = train_on_clips(clips, profile=profile, seed=seed)
        return {
            "student": lambda clips: [model.score_clip(clip, detector="student") for clip in clips],
            "teacher": lambda clips: [model.score_clip(clip, detector="teacher") for clip in clips],
        }

    return BenchDetector("teacher and student", fit, f"{profile} {fingerprint.of_code()}")


def run_bench(
    recordings: Path | None,
    seeds: int,
    *,
    sets: Sequence[str] = (),
    profile: str = "standard",
    keep: Path | None = None,
    say: Callable[[str], None] = lambda _words: None,
) -> Rounds:
    """Train and score the product on every set, with every seed.

    Args:
        recordings: folder of the real recordings; None for simulated sets only.
        seeds: how many, from 0.
        sets: which; all if left empty.
        profile: of the training.
        keep: folder for what has been scored, so that an interrupted run goes on; None keeps nothing.
        say: told what is being done.

    Raises:
        UsageError: there is no such set or profile.
        InputError: recordings are missing or cannot be read.
        ConfigError: the folder cannot be written.
    """
    rounds: Rounds = {}
    who, finished = product(profile), FinishedRound(keep)
    for seed in range(seeds):
        for group in bench_sets(recordings, seed, sets):
            run_rounds(rounds, group, seed, [who], finished=finished, say=say)
    return rounds
