"""Distillation: students and their teacher on the detection bench, the cost of the students, and ablations.

    python benchmarks/distillation.py [--json] [--quick] [--parts NAME,...] [--recordings DIR] [--sets NAME]...

Parts: `sets` (teacher, student, its closed-form start and the DCASE autoencoder on every set), `small` (4 bits, 300
neurons, 20,000 SOP per second), `robust` (mismatch on 50 chips, lost events, a leak), `curve` (AUC against SOP),
`wires` (closed form with a wire cost), `conversion` (against direct conversion and no teacher, on shares of the
data), `ablations` (one idea left out at a time, on machines that are not of the bench), `peers` (a training step beside
snnTorch and SpikingJelly). All parts run if none is named. Scores, figures and trainings are cached under
build/distillation by part, sound and code, so that an interrupted run can be resumed, and a run of all parts reuses
the results of runs of single parts. Scores of the autoencoder are those of the detection bench in build/bench; missing
ones are computed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import training_speed
from anomaly import atomic
from anomaly.errors import AnomalyError
from anomaly.evaluate.bench import FAULT_SETS, SIMULATED, bench_sets
from anomaly.evaluate.bench.rounds import RoundCache, run_rounds
from anomaly.evaluate.bench.summary import summarise_rounds
from lib.contestants import contestants
from lib.distillation import ablations, method_comparison, students
from lib.distillation.experiment import ExperimentResult, ExperimentRunner
from lib.distillation.report import NOTES, REPORTS, curve_picture
from lib.paths import BUILD, default_recordings
from lib.progress import log
from lib.result_tables import table_lines
from lib.threads import limit_to_one_thread

SEEDS = 3
QUICK_SETS = ("slider-fault", "rig", "sim-valve")
PROFILE, QUICK_PROFILE = "standard", "fast"
BASELINE = "dcase_ae"
EXPERIMENTS = (*students.experiments(), method_comparison.experiment())
PARTS = (*(experiment.name for experiment in EXPERIMENTS), "ablations", "peers")


@dataclass(frozen=True)
class Options:
    """Measurements to run.

    Args:
        parts: their names.
        recordings: folder of real recordings; None for simulated sets only.
        sets: of the detection bench.
        seeds: number of seeds.
        profile: name of the training profile.
        quick: less training and fewer sets.
        cache: folder of scores, figures and trainings.
        baseline: folder of the detection bench's scores; None leaves its autoencoder out.
    """

    parts: tuple[str, ...]
    recordings: Path | None
    sets: Sequence[str]
    seeds: int
    profile: str
    quick: bool
    cache: Path
    baseline: Path | None


def run(options: Options) -> dict[str, ExperimentResult]:
    """Run all chosen parts except the speed of training."""
    runner = ExperimentRunner(options.cache, options.profile)
    results = {name: ExperimentResult({}, []) for name in options.parts}
    chosen = [experiment for experiment in EXPERIMENTS if experiment.name in options.parts]
    baseline = contestants((BASELINE,)) if options.baseline is not None else []
    for seed in range(
        options.seeds if any(experiment.every_seed for experiment in chosen) else min(options.seeds, 1)
    ):
        for group in bench_sets(options.recordings, seed, options.sets) if chosen else ():
            for experiment in chosen:
                if experiment.every_seed or seed == 0:
                    runner.run(results[experiment.name], experiment, group, seed)
            if "sets" in options.parts:
                rounds, finished = results["sets"].rounds, RoundCache(options.baseline)
                run_rounds(rounds, group, seed, baseline, cache=finished, log=log)
    if "ablations" in options.parts:
        for seed, group in ablations.ablation_sets(options.quick):
            runner.run(results["ablations"], ablations.experiment(), group, seed)
    return results


def report(options: Options, results: dict[str, ExperimentResult]) -> dict[str, Any]:
    """All figures as plain values.

    Raises:
        AnomalyError: another trainer cannot be measured.
    """
    figures: dict[str, Any] = {}
    for name, result in results.items():
        if result.rounds and name in REPORTS:
            figures |= REPORTS[name](result)
    if "peers" in options.parts:
        try:
            figures["training_step_against_peers"] = training_speed.measure(options.quick)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            hint = "leave peers out of --parts, or see benchmarks/training_speed.py --peers"
            raise AnomalyError(
                f"a peer cannot be measured: {error}", where="--parts peers", hint=hint
            ) from error
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run, print."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    if parsed.seeds is not None and parsed.seeds < 1:
        parser.error(f"--seeds is {parsed.seeds}, but at least one is needed")
    if parsed.picture is not None and not ("curve" in parsed.parts and parsed.picture.parent.is_dir()):
        parser.error(f"--picture {parsed.picture}: needs the part curve, and a folder that is there")
    options = _options(parsed)
    limit_to_one_thread()
    started = time.monotonic()
    try:
        results = run(options)
        figures = report(options, results)
        if parsed.picture is not None and "curve" in figures:
            atomic.write_bytes(parsed.picture, curve_picture(figures))
    except AnomalyError as error:
        log(f"error: {error}" + (f"\n  {error.hint}" if error.hint else ""))
        return int(error.exit_code)
    figures |= {
        "parts": list(options.parts),
        "seeds": options.seeds,
        "profile": options.profile,
        "quick": options.quick,
        "notes": NOTES,
        "seconds": round(time.monotonic() - started, 1),
    }
    # Too much for a page.
    details = figures.pop("details_of_trainings", None)
    if parsed.json:
        print(json.dumps(figures | {"details": {"trainings": details}}, indent=2))
    else:
        if "sets" in results:
            print("\n".join(table_lines(summarise_rounds(results["sets"].rounds))))
        print(json.dumps({name: value for name, value in figures.items() if name != "sets"}, indent=2))
    return 0


def _options(parsed: argparse.Namespace) -> Options:
    recordings = parsed.recordings if parsed.recordings.is_dir() else None
    if recordings is None:
        log(f"no recordings in {parsed.recordings}: simulated sets only")
    default_sets = QUICK_SETS if parsed.quick else FAULT_SETS
    return Options(
        parts=parsed.parts,
        recordings=recordings,
        sets=parsed.sets or [name for name in default_sets if recordings is not None or name in SIMULATED],
        seeds=parsed.seeds or (1 if parsed.quick else SEEDS),
        profile=parsed.profile or (QUICK_PROFILE if parsed.quick else PROFILE),
        quick=parsed.quick,
        cache=parsed.cache,
        baseline=None if parsed.no_baseline else parsed.baseline,
    )


def _parts(words: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in words.split(",") if name.strip()))
    if unknown := [name for name in names if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"there is no part {', '.join(unknown)}; parts: {', '.join(PARTS)}")
    if not names:
        raise argparse.ArgumentTypeError(f"name at least one of {', '.join(PARTS)}")
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--quick", action="store_true", help=f"one seed, {', '.join(QUICK_SETS)}, less training"
    )
    parser.add_argument("--parts", type=_parts, default=PARTS, metavar="NAME,...", help=", ".join(PARTS))
    parser.add_argument(
        "--recordings", type=Path, default=default_recordings(), help="folder of real recordings"
    )
    parser.add_argument("--sets", action="append", choices=FAULT_SETS, help="only this set; may be repeated")
    parser.add_argument("--seeds", type=int, help=f"number of seeds; default {SEEDS}, 1 with --quick")
    parser.add_argument(
        "--profile", choices=("fast", "standard", "best"), help=f"training profile; default {PROFILE}"
    )
    parser.add_argument(
        "--cache", type=Path, default=BUILD / "distillation", help="cached scores and trainings"
    )
    parser.add_argument(
        "--baseline", type=Path, default=BUILD / "bench", help="scores of the detection bench"
    )
    parser.add_argument("--no-baseline", action="store_true", help=f"leave {BASELINE} out")
    parser.add_argument("--picture", type=Path, help="file to draw the curve to, a PNG")
    return parser


if __name__ == "__main__":
    sys.exit(main())
