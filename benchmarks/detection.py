"""The detection bench: the teacher beside five baselines, on real and simulated machines.

    python benchmarks/detection.py [--json] [--quick] [--recordings DIR] [--sets NAME]... [--detectors NAME]...

Trains every detector on each set's normal sound. Scores are kept under build/bench, by what was trained on
what with which code, so that an interrupted run goes on where it stopped. Without recordings the simulated
sets run alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from baselines import Samples
from baselines.dcase_ae import DcaseAe
from baselines.frame_mahalanobis import VARIANTS, FrameMahalanobis
from baselines.log_mel import power
from baselines.mahalanobis import Mahalanobis
from baselines.mean_knn import MeanKnn
from baselines.twfr_gmm import TwfrGmm
from harness import (
    HERE,
    STUDENT,
    TEACHER,
    as_json,
    baseline,
    baseline_code,
    each,
    lines,
    product_code,
    say,
)

from anomaly.errors import AnomalyError
from anomaly.evaluate.bench import SETS, SIMULATED, bench_sets
from anomaly.evaluate.bench.comparison import compare_detectors, mean_over_sets, resolutions
from anomaly.evaluate.bench.rounds import BenchDetector, FinishedRound, Rounds, Score, run_rounds
from anomaly.evaluate.bench.summary import Results, sum_up

EPOCHS = 100
SEEDS = 3
DETECTORS = ("teacher", "dcase_ae", "mean_knn", "mahalanobis", "twfr_gmm", "frame_mahalanobis")
OPTIONAL = ("student",)
PROFILE = "standard"
CHOICES = {
    "teacher": "on simulated machines with seeds of 100 and more, and by the likelihood of unheard normal sound; "
    "none on a set of this bench",
    "frame_mahalanobis": "the best of six variants by mean AUC over the sets: chosen on the test, in its favour",
    "twfr_gmm": "decay, components and ridge by the likelihood of held-out normal clips, not on anomalies as published",
    "dcase_ae, mean_knn, mahalanobis": "as published, nothing chosen here",
    "rig": "one recording of each condition: first seconds trained on, second seconds tested",
}


def teacher(clips: Sequence[Samples], seed: int) -> Mapping[str, Score]:
    """The product's teacher, as training from recordings makes it."""
    from anomaly.detect.scoring import recording_score
    from anomaly.training.in_memory import train_teacher_on_clips

    scorer = train_teacher_on_clips(clips, profile=PROFILE, seed=seed)
    return {"teacher": each(lambda samples: recording_score(scorer.recording(samples)))}


def student(clips: Sequence[Samples], seed: int) -> Mapping[str, Score]:
    """The product's student, which is distilled from a teacher of its own."""
    from anomaly.training import train_on_clips

    model = train_on_clips(clips, profile=PROFILE, seed=seed)
    return {"student": each(lambda samples: model.score_clip(samples, detector="student"))}


def frame_mahalanobis(clips: Sequence[Samples], seed: int) -> Mapping[str, Score]:
    """All variants, which share the spectrograms. Nothing in them is drawn by chance."""
    variants = {_variant(*which): FrameMahalanobis(*which) for which in VARIANTS}
    spectrograms = [power(clip) for clip in clips]
    for variant in variants.values():
        variant.fit_spectrograms(spectrograms)
    return {name: each(variant.score) for name, variant in variants.items()}


def contestants(wanted: Collection[str]) -> list[BenchDetector]:
    """What has to be trained to have the detectors asked for."""
    every = {
        "teacher": BenchDetector("teacher", teacher, f"{PROFILE} {product_code(TEACHER)}"),
        "student": BenchDetector("student", student, f"{PROFILE} {product_code(STUDENT)}"),
        "dcase_ae": baseline("dcase_ae", lambda seed: DcaseAe(EPOCHS, seed)),
        "mean_knn": baseline("mean_knn", lambda seed: MeanKnn()),
        "mahalanobis": baseline("mahalanobis", lambda seed: Mahalanobis()),
        "twfr_gmm": baseline("twfr_gmm", TwfrGmm),
        "frame_mahalanobis": BenchDetector(
            "frame_mahalanobis", frame_mahalanobis, baseline_code("frame_mahalanobis")
        ),
    }
    return [who for name, who in every.items() if name in wanted]


def run(
    recordings: Path | None, seeds: int, sets: Sequence[str], detectors: Collection[str], cache: Path
) -> Rounds:
    """Build every set with every seed, train, score."""
    rounds: Rounds = {}
    finished = FinishedRound(cache)
    # Their code is read once, as it is loaded once.
    taking_part = contestants(detectors)
    for seed in range(seeds):
        for group in bench_sets(recordings, seed, sets):
            run_rounds(rounds, group, seed, taking_part, finished=finished, say=say)
    return rounds


def with_best_variant(rounds: Rounds) -> tuple[Rounds, str | None]:
    """The rounds in which frame Mahalanobis is the variant with the best mean AUC over the sets.

    The choice looks at the test's labels, in favour of this baseline and of nothing else.
    """
    names = {_variant(*which) for which in VARIANTS}
    means = mean_over_sets(sum_up({key: played for key, played in rounds.items() if key[2] in names}))
    best = max(means, key=lambda name: means[name]["auc"]) if means else None
    renamed = {
        (name, level, "frame_mahalanobis" if detector == best else detector): played
        for (name, level, detector), played in rounds.items()
        if detector not in names or detector == best
    }
    return renamed, best


def report(rounds: Rounds) -> dict[str, object]:
    """Everything that the rounds show, as plain values."""
    chosen, best = with_best_variant(rounds)
    results = sum_up(chosen)
    everything = sum_up(rounds)
    duels = {other: compare_detectors(chosen, "teacher", other) for other in DETECTORS[1:]}
    held = {name: duel for name, duel in duels.items() if duel is not None}
    below = held.get("dcase_ae")
    return {
        "sets": as_json(results),
        "mean_over_sets": mean_over_sets(results),
        "frame_mahalanobis_variant": best,
        "frame_mahalanobis_variants": mean_over_sets(_only_variants(everything)),
        "teacher_less": {
            name: {
                "auc": duel.overall.auc,
                "auc_ci": list(duel.overall.ci),
                "pauc": duel.overall.pauc,
                "pauc_ci": list(duel.overall.pauc_ci),
                "by_set": {one: round(gap.auc, 4) for one, gap in duel.sets.items()},
            }
            for name, duel in held.items()
        },
        "teacher_significantly_below_dcase_ae": below.significantly_below if below else None,
        "teacher_significantly_above_dcase_ae": below.significantly_above if below else None,
        "smallest_difference_told": {
            name: {level: one.least for level, one in levels.items()}
            for name, levels in resolutions(chosen).items()
        },
        "details": {
            "teacher_less": {name: duel.as_json() for name, duel in held.items()},
            "resolution": {
                name: {level: asdict(one) for level, one in levels.items()}
                for name, levels in resolutions(chosen).items()
            },
            "variants": as_json(_only_variants(everything)),
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run, print."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.seeds is not None and given.seeds < 1:
        parser.error(f"--seeds is {given.seeds}, but at least one is needed")
    seeds = given.seeds or (1 if given.quick else SEEDS)
    detectors = given.detectors or DETECTORS
    recordings = given.recordings if given.recordings.is_dir() else None
    if recordings is None:
        say(f"no recordings in {given.recordings}: simulated sets only")
    _one_thread()
    started = time.monotonic()
    try:
        rounds = run(recordings, seeds, given.sets or (), detectors, given.cache)
    except AnomalyError as error:
        say(f"error: {error}" + (f"\n  {error.hint}" if error.hint else ""))
        return int(error.exit_code)
    seconds = round(time.monotonic() - started, 1)
    if given.json:
        told = {
            "seeds": seeds,
            "quick": given.quick,
            "dcase_epochs": EPOCHS,
            "profile": PROFILE,
            "seconds": seconds,
        }
        print(json.dumps(report(rounds) | told | {"choices": CHOICES}, indent=2))
    else:
        _print(rounds, seeds, seconds)
    return 0


def _print(rounds: Rounds, seeds: int, seconds: float) -> None:
    chosen, best = with_best_variant(rounds)
    results = sum_up(chosen)
    print("\n".join(lines(results)))
    for name, means in mean_over_sets(results).items():
        print(
            f"mean over sets: {name:<18} AUC {means['auc']:.3f}, pAUC {means['pauc']:.3f}, F1-EV {means['f1_ev']:.3f}"
        )
    print(f"{seeds} seed(s), frame Mahalanobis is {best}, {seconds:.0f} s")


def _only_variants(results: Results) -> Results:
    names = {_variant(*which) for which in VARIANTS}
    return {
        name: {level: {d: f for d, f in row.items() if d in names} for level, row in levels.items()}
        for name, levels in results.items()
    }


def _variant(frames: int, bands: int) -> str:
    return f"frames_{frames}_bands_{bands}"


def _one_thread() -> None:
    """One core is what the bench is meant to take, and threads of torch on a busy machine wait by spinning."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = Path(os.environ.get("ANOMALY_RECORDINGS", Path(__file__).parents[2] / "shared" / "audio"))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="one seed; the sets stay as they are")
    parser.add_argument("--recordings", type=Path, default=default, help="folder of real recordings")
    parser.add_argument("--seeds", type=int, help=f"how many; {SEEDS} if left out, 1 with --quick")
    parser.add_argument(
        "--sets", action="append", choices=SETS, help=f"only these; {len(SIMULATED)} are simulated"
    )
    parser.add_argument("--detectors", action="append", choices=DETECTORS + OPTIONAL, help="only these")
    parser.add_argument("--cache", type=Path, default=HERE.parent / "build" / "bench", help="scores so far")
    return parser


if __name__ == "__main__":
    sys.exit(main())
