"""Teacher and student as entrants of the detection bench, trained on every set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from anomaly.bundle import fingerprint
from anomaly.evaluate.bench import bench_sets
from anomaly.evaluate.bench.rounds import BenchDetector, RoundCache, Rounds, Score, run_rounds
from anomaly.features.mel import Samples
from anomaly.training.in_memory import train_on_clips
from anomaly.training.profiles import profile_named


def trained_model(profile: str) -> BenchDetector:
    """Return the bench entrant that trains teacher and student as a training from recordings does.

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
    log: Callable[[str], None] = lambda _line: None,
) -> Rounds:
    """Train and score teacher and student on every set, with every seed.

    Args:
        recordings: folder of the real recordings; None for simulated sets only.
        seeds: number of seeds, counted from 0.
        sets: names of the sets; empty for all.
        profile: of the training.
        keep: folder for finished scores, so that an interrupted run continues; None keeps nothing.
        log: receives a line of text at each step.

    Raises:
        UsageError: there is no such set or profile.
        InputError: recordings are missing or cannot be read.
        ConfigError: the folder cannot be written.
    """
    rounds: Rounds = {}
    entrant, cache = trained_model(profile), RoundCache(keep)
    for seed in range(seeds):
        for group in bench_sets(recordings, seed, sets):
            run_rounds(rounds, group, seed, [entrant], cache=cache, log=log)
    return rounds
