"""What distillation keeps: students beside their teacher on the detection bench, what they cost, what ideas are worth.

    python benchmarks/distillation.py [--json] [--quick] [--parts NAME,...] [--recordings DIR] [--sets NAME]...

Parts: `sets` (teacher, student, its closed-form start and the DCASE autoencoder on every set), `small` (4 bits, 300
neurons, 20,000 SOP per second), `robust` (mismatch on 50 chips, lost events, a leak), `curve` (AUC against SOP),
`wires` (the recipe that knows of wires), `conversion` (against direct conversion and no teacher, at shares of the
data), `ablations` (one idea left out at a time, on machines that are not of the bench), `peers` (a training step beside
snnTorch and SpikingJelly). All of them, if none is named. Scores, figures and trainings are kept under
build/distillation, by what was trained on what with which code, so that an interrupted run goes on where it stopped,
and a run of all parts collects what was measured part by part. Scores of the autoencoder are those of the detection
bench, kept under build/bench, and are made where they are missing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ablations
import claims
import students
import training_speed
from detection import contestants
from distillation_report import NOTES, REPORTS, picture
from harness import HERE, lines, say
from parts import Bench, Found

from anomaly import atomic
from anomaly.errors import AnomalyError
from anomaly.evaluate.bench import SETS, SIMULATED, bench_sets
from anomaly.evaluate.bench.rounds import FinishedRound, run_rounds
from anomaly.evaluate.bench.summary import sum_up

SEEDS = 3
QUICK_SETS = ("slider-fault", "rig", "sim-valve")
PROFILE, QUICK_PROFILE = "standard", "fast"
BASELINE = "dcase_ae"
ON_BENCH = (*students.parts(), claims.part())
PARTS = (*(part.name for part in ON_BENCH), "ablations", "peers")


@dataclass(frozen=True)
class Asked:
    """What is to be measured.

    Args:
        parts: their names.
        recordings: folder of real recordings, None without.
        sets: of the detection bench.
        seeds: how many.
        profile: of training.
        quick: fewer of everything.
        cache: folder of scores, figures and trainings.
        baseline: folder of the detection bench's scores, None to leave its autoencoder out.
    """

    parts: tuple[str, ...]
    recordings: Path | None
    sets: Sequence[str]
    seeds: int
    profile: str
    quick: bool
    cache: Path
    baseline: Path | None


def run(asked: Asked) -> dict[str, Found]:
    """Everything that is asked, but for the speed of training."""
    bench, found = Bench(asked.cache, asked.profile), {name: Found({}, []) for name in asked.parts}
    wanted = [part for part in ON_BENCH if part.name in asked.parts]
    baseline = contestants((BASELINE,)) if asked.baseline is not None else []
    for seed in range(asked.seeds if any(part.every_seed for part in wanted) else min(asked.seeds, 1)):
        for group in bench_sets(asked.recordings, seed, asked.sets) if wanted else ():
            for part in wanted:
                if part.every_seed or seed == 0:
                    bench.play(found[part.name], part, group, seed)
            if "sets" in asked.parts:
                rounds, kept = found["sets"].rounds, FinishedRound(asked.baseline)
                run_rounds(rounds, group, seed, baseline, finished=kept, say=say)
    if "ablations" in asked.parts:
        for seed, group in ablations.tests(asked.quick):
            bench.play(found["ablations"], ablations.part(), group, seed)
    return found


def report(asked: Asked, found: dict[str, Found]) -> dict[str, Any]:
    """All figures as plain values."""
    told: dict[str, Any] = {}
    for name, one in found.items():
        if one.rounds and name in REPORTS:
            told |= REPORTS[name](one)
    if "peers" in asked.parts:
        try:
            told["training_step_against_peers"] = training_speed.measure(asked.quick)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            hint = "leave peers out of --parts, or see benchmarks/training_speed.py --peers"
            raise AnomalyError(
                f"a peer cannot be measured: {error}", where="--parts peers", hint=hint
            ) from error
    return told


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run, print."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.seeds is not None and given.seeds < 1:
        parser.error(f"--seeds is {given.seeds}, but at least one is needed")
    if given.picture is not None and not ("curve" in given.parts and given.picture.parent.is_dir()):
        parser.error(f"--picture {given.picture}: needs the part curve, and a folder that is there")
    asked = _asked(given)
    _one_thread()
    started = time.monotonic()
    try:
        found = run(asked)
        told = report(asked, found)
        if given.picture is not None and "curve" in told:
            atomic.write_bytes(given.picture, picture(told))
    except AnomalyError as error:
        say(f"error: {error}" + (f"\n  {error.hint}" if error.hint else ""))
        return int(error.exit_code)
    told |= {
        "parts": list(asked.parts),
        "seeds": asked.seeds,
        "profile": asked.profile,
        "quick": asked.quick,
        "notes": NOTES,
        "seconds": round(time.monotonic() - started, 1),
    }
    # Too much for a page.
    details = told.pop("details_of_trainings", None)
    if given.json:
        print(json.dumps(told | {"details": {"trainings": details}}, indent=2))
    else:
        if "sets" in found:
            print("\n".join(lines(sum_up(found["sets"].rounds))))
        print(json.dumps({name: value for name, value in told.items() if name != "sets"}, indent=2))
    return 0


def _asked(given: argparse.Namespace) -> Asked:
    recordings = given.recordings if given.recordings.is_dir() else None
    if recordings is None:
        say(f"no recordings in {given.recordings}: simulated sets only")
    usual = QUICK_SETS if given.quick else SETS
    return Asked(
        parts=given.parts,
        recordings=recordings,
        sets=given.sets or [name for name in usual if recordings is not None or name in SIMULATED],
        seeds=given.seeds or (1 if given.quick else SEEDS),
        profile=given.profile or (QUICK_PROFILE if given.quick else PROFILE),
        quick=given.quick,
        cache=given.cache,
        baseline=None if given.no_baseline else given.baseline,
    )


def _one_thread() -> None:
    """One core is what the bench is meant to take, and threads of torch on a busy machine wait by spinning."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)


def _parts(words: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in words.split(",") if name.strip()))
    if unknown := [name for name in names if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"there is no part {', '.join(unknown)}; parts: {', '.join(PARTS)}")
    if not names:
        raise argparse.ArgumentTypeError(f"name at least one of {', '.join(PARTS)}")
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = Path(os.environ.get("ANOMALY_RECORDINGS", HERE.parent.parent / "shared" / "audio"))
    build = HERE.parent / "build"
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--quick", action="store_true", help=f"one seed, {', '.join(QUICK_SETS)}, less training"
    )
    parser.add_argument("--parts", type=_parts, default=PARTS, metavar="NAME,...", help=", ".join(PARTS))
    parser.add_argument("--recordings", type=Path, default=default, help="folder of real recordings")
    parser.add_argument("--sets", action="append", choices=SETS, help="leave the other sets out")
    parser.add_argument("--seeds", type=int, help=f"how many; {SEEDS} if left out, 1 with --quick")
    parser.add_argument("--profile", choices=("fast", "standard", "best"), help=f"of training; {PROFILE}")
    parser.add_argument(
        "--cache", type=Path, default=build / "distillation", help="scores and trainings so far"
    )
    parser.add_argument(
        "--baseline", type=Path, default=build / "bench", help="scores of the detection bench"
    )
    parser.add_argument("--no-baseline", action="store_true", help=f"leave {BASELINE} out")
    parser.add_argument("--picture", type=Path, help="where to draw the curve, a PNG")
    return parser


if __name__ == "__main__":
    sys.exit(main())
