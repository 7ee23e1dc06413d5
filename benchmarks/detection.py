"""Detection bench: the teacher and five published baselines, on real and simulated machines.

    python benchmarks/detection.py [--json] [--quick] [--recordings DIR] [--sets NAME]... [--detectors NAME]...

Trains every detector on each set's normal sound. Scores are cached under build/bench by detector, sound and
code, so that an interrupted run can be resumed. Without recordings only the simulated sets run.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path

from anomaly.errors import AnomalyError
from anomaly.evaluate.bench import FAMILY_SETS, SETS, SIMULATED, SIMULATED_FAMILIES, bench_sets
from anomaly.evaluate.bench.comparison import compare_detectors, mean_over_sets, resolutions
from anomaly.evaluate.bench.families import alarmed_figures, family_figures
from anomaly.evaluate.bench.rounds import RoundCache, Rounds, run_rounds
from anomaly.evaluate.bench.summary import Results, summarise_rounds
from lib.contestants import EPOCHS, PROFILE, contestants, variant_names
from lib.kind_weights import is_variant
from lib.nested import nested_figures
from lib.paths import BUILD, default_recordings
from lib.progress import log
from lib.result_tables import as_json, table_lines
from lib.threads import limit_to_one_thread

SEEDS = 3
DETECTORS = ("teacher", "dcase_ae", "mean_knn", "mahalanobis", "twfr_gmm", "frame_mahalanobis")
OPTIONAL = ("student",)
CHOICES = {
    "teacher": "predictor and views on simulated machines with seeds of 100 and more and by the likelihood of held-out "
    "normal sound; kinds of error and their weights on seed 0 of nine sets of this bench, see docs/student.md",
    "student": "past frames and thresholds on the closed form, on seed 0 of seven sets of this bench",
    "frame_mahalanobis": "the best of six variants by mean AUC over the sets: chosen on the test, in its favour",
    "twfr_gmm": "decay, components and ridge by the likelihood of held-out normal clips, not on anomalies as published",
    "dcase_ae, mean_knn, mahalanobis": "as published, nothing chosen here",
    "rig": "one recording of each condition: first seconds trained on, second seconds tested",
}


def run(
    recordings: Path | None, seeds: int, sets: Sequence[str], detectors: Collection[str], cache: Path
) -> Rounds:
    """Train and score every detector on every set with every seed."""
    rounds: Rounds = {}
    finished = RoundCache(cache)
    # Once for all rounds, because the hashes must be those of the code that was imported.
    trained = contestants(detectors)
    for seed in range(seeds):
        for group in bench_sets(recordings, seed, sets):
            run_rounds(rounds, group, seed, trained, cache=finished, log=log)
    return rounds


def with_best_variant(rounds: Rounds) -> tuple[Rounds, str | None]:
    """Rounds in which frame Mahalanobis is its variant with the best mean AUC over the sets, and that variant.

    The choice uses the labels of the test, which favours this baseline.
    """
    names = variant_names()
    plain, families = _apart(rounds)
    means = mean_over_sets(
        summarise_rounds({key: scored for key, scored in (plain or families).items() if key[2] in names})
    )
    best = max(means, key=lambda name: means[name]["auc"]) if means else None
    renamed = {
        (name, level, "frame_mahalanobis" if detector == best else detector): scored
        for (name, level, detector), scored in rounds.items()
        if detector not in names or detector == best
    }
    return renamed, best


def _apart(rounds: Rounds) -> tuple[Rounds, Rounds]:
    """Return the rounds on sets of faults, and those on sets of families."""
    families = {key: scored for key, scored in rounds.items() if key[0] in FAMILY_SETS}
    return {key: scored for key, scored in rounds.items() if key not in families}, families


def report(rounds: Rounds) -> dict[str, object]:
    """All figures of the rounds as plain values."""
    renamed, best = with_best_variant(rounds)
    weighted = summarise_rounds(_apart(renamed)[1])
    chosen, families = _apart(_without_weights(renamed))
    results, changed = summarise_rounds(chosen), summarise_rounds(families)
    alarmed = alarmed_figures(families)
    everything = summarise_rounds(_apart(rounds)[0])
    comparisons = {other: compare_detectors(chosen, "teacher", other) for other in DETECTORS[1:]}
    held = {name: one for name, one in comparisons.items() if one is not None}
    below = held.get("dcase_ae")
    return {
        "sets": as_json(results),
        "mean_over_sets": mean_over_sets(results),
        "families": _with_alarms(family_figures(changed), alarmed),
        "normal_alarmed": alarmed.get("normal", {}),
        "family_sets": as_json(changed),
        "nested": nested_figures(weighted, ("teacher", "student")),
        "frame_mahalanobis_variant": best,
        "frame_mahalanobis_variants": mean_over_sets(_only_variants(everything)),
        "teacher_less": {
            name: {
                "auc": gap.overall.auc,
                "auc_ci": list(gap.overall.ci),
                "pauc": gap.overall.pauc,
                "pauc_ci": list(gap.overall.pauc_ci),
                "by_set": {one: round(on_set.auc, 4) for one, on_set in gap.sets.items()},
            }
            for name, gap in held.items()
        },
        "teacher_significantly_below_dcase_ae": below.significantly_below if below else None,
        "teacher_significantly_above_dcase_ae": below.significantly_above if below else None,
        "smallest_difference_told": {
            name: {level: one.least for level, one in levels.items()}
            for name, levels in resolutions(chosen).items()
        },
        "details": {
            "teacher_less": {name: gap.as_json() for name, gap in held.items()},
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
    options = parser.parse_args(arguments)
    if options.seeds is not None and options.seeds < 1:
        parser.error(f"--seeds is {options.seeds}, but at least one is needed")
    seeds = options.seeds or (1 if options.quick else SEEDS)
    detectors = options.detectors or DETECTORS
    recordings = options.recordings if options.recordings.is_dir() else None
    if recordings is None:
        log(f"no recordings in {options.recordings}: simulated sets only")
    limit_to_one_thread()
    started = time.monotonic()
    try:
        everything = SETS if recordings is not None else (*SIMULATED, *SIMULATED_FAMILIES)
        rounds = run(recordings, seeds, options.sets or everything, detectors, options.cache)
    except AnomalyError as error:
        log(f"error: {error}" + (f"\n  {error.hint}" if error.hint else ""))
        return int(error.exit_code)
    seconds = round(time.monotonic() - started, 1)
    if options.json:
        settings = {
            "seeds": seeds,
            "quick": options.quick,
            "dcase_epochs": EPOCHS,
            "profile": PROFILE,
            "seconds": seconds,
        }
        print(json.dumps(report(rounds) | settings | {"choices": CHOICES}, indent=2))
    else:
        _print(rounds, seeds, seconds)
    return 0


def _with_alarms(
    figures: dict[str, dict[str, dict[str, float]]],
    alarmed: dict[str, dict[str, dict[str, dict[str, object]]]],
) -> dict[str, dict[str, dict[str, object]]]:
    """Add ``alarmed`` to the figures of each family and detector that has a decision."""
    return {
        family: {
            detector: {
                **own,
                **({"alarmed": found} if (found := alarmed.get(family, {}).get(detector)) else {}),
            }
            for detector, own in row.items()
        }
        for family, row in figures.items()
    }


def _without_weights(rounds: Rounds) -> Rounds:
    """Return the rounds of detectors with their own weights of the kinds of error."""
    return {key: scored for key, scored in rounds.items() if not is_variant(key[2])}


def _print(rounds: Rounds, seeds: int, seconds: float) -> None:
    renamed, best = with_best_variant(_without_weights(rounds))
    chosen, families = _apart(renamed)
    results = summarise_rounds(chosen)
    print("\n".join(table_lines(results)))
    for name, means in mean_over_sets(results).items():
        print(
            f"mean over sets: {name:<18} AUC {means['auc']:.3f}, pAUC {means['pauc']:.3f}, F1-EV {means['f1_ev']:.3f}"
        )
    for family, row in family_figures(summarise_rounds(families)).items():
        print(f"{family:<14}", "  ".join(f"{name} {figures['auc']:.3f}" for name, figures in row.items()))
    print(f"{seeds} seed(s), frame Mahalanobis is {best}, {seconds:.0f} s")


def _only_variants(results: Results) -> Results:
    names = variant_names()
    return {
        name: {level: {d: f for d, f in row.items() if d in names} for level, row in levels.items()}
        for name, levels in results.items()
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="one seed; the sets stay as they are")
    parser.add_argument(
        "--recordings", type=Path, default=default_recordings(), help="folder of real recordings"
    )
    parser.add_argument("--seeds", type=int, help=f"how many; {SEEDS} if left out, 1 with --quick")
    parser.add_argument(
        "--sets", action="append", choices=SETS, help=f"only these; {len(SIMULATED)} are simulated"
    )
    parser.add_argument(
        "--detectors", action="append", choices=DETECTORS + OPTIONAL, help="only this one; may be repeated"
    )
    parser.add_argument("--cache", type=Path, default=BUILD / "bench", help="cached scores")
    return parser


if __name__ == "__main__":
    sys.exit(main())
