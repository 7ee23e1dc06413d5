"""Any network on the chip: networks of nine tasks on real data against their conversions, on the decoded bitstream.

    python benchmarks/any_dnn.py [--json] [--quick] [--tasks NAME ...] [--seeds N ...] [--collect PART] [--again]

Each trial is kept in build/any_dnn and not repeated, so that the whole can be run in pieces; `--again` forgets them.
`dnn` is the network, `chip` the decoded bitstream, `direct` threshold-normalised conversion pruned to the same
fan-in, `scratch` the same spiking network without the network's weights and answers; accuracy, or AUC for slide_rail.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np

from lib.any_dnn.tasks import TASKS
from lib.any_dnn.trial import run_trial
from lib.paths import BUILD
from lib.progress import log
from lib.threads import limit_to_one_thread

FOLDER = BUILD / "any_dnn"
FIGURES = ("dnn", "chip", "direct", "scratch", "neurons", "synapses", "steps", "sop", "seconds")
QUICK = ("italy_power",)


def collect(names: Sequence[str], seeds: Sequence[int], parts: Sequence[str]) -> None:
    """Run trials that are not there yet."""
    for name in names:
        for seed in seeds:
            for part in parts:
                _trial(name, seed, part == "quarter", again=False)


def run(names: Sequence[str], seeds: Sequence[int], again: bool) -> dict[str, Any]:
    """Run all trials that are not there yet, and take means."""
    tasks: dict[str, Any] = {}
    for name in names:
        trials = {
            quarter: [_trial(name, seed, quarter, again) for seed in seeds] for quarter in (False, True)
        }
        tasks[name] = _means(trials[False]) | {"quarter": _means(trials[True])}
    return {"tasks": tasks, **_summary(tasks), "seeds": len(seeds)}


def _trial(name: str, seed: int, quarter: bool, again: bool) -> dict[str, Any]:
    path = FOLDER / f"{name}-{seed}-{'quarter' if quarter else 'all'}.json"
    if path.exists() and not again:
        return dict(json.loads(path.read_text()))
    found = run_trial(TASKS[name], seed, quarter=quarter)
    FOLDER.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1))
    shown = {key: round(found[key], 3) for key in FIGURES}
    log(f"{path.stem}: {shown} {found['chosen']}; {found['codes']}")
    return found


def _means(trials: list[dict[str, Any]]) -> dict[str, Any]:
    means: dict[str, Any] = {key: float(np.mean([trial[key] for trial in trials])) for key in FIGURES}
    means["verified"] = all(trial["verified"] for trial in trials)
    means["chosen"] = [f"{trial['chosen']}; {trial['codes']}" for trial in trials]
    return means


def _summary(tasks: dict[str, Any]) -> dict[str, Any]:
    """Means over the tasks that the aims are about."""

    def mean(key: str, other: str, part: list[dict[str, Any]]) -> float:
        return float(np.mean([one[key] - one[other] for one in part]))

    every, quarter = list(tasks.values()), [task["quarter"] for task in tasks.values()]
    return {
        "mean_loss": mean("dnn", "chip", every),
        "largest_loss": max(one["dnn"] - one["chip"] for one in every),
        "mean_loss_quarter": mean("dnn", "chip", quarter),
        "above_direct": mean("chip", "direct", every),
        "above_scratch": mean("chip", "scratch", every),
        "above_scratch_quarter": mean("chip", "scratch", quarter),
        "all_verified": all(one["verified"] for one in [*every, *quarter]),
        "longest_seconds": max(one["seconds"] for one in [*every, *quarter]),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="one task and one seed")
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument(
        "--collect", nargs="+", choices=["all", "quarter"], help="only run trials of this part"
    )
    parser.add_argument("--again", action="store_true", help="repeat trials that are kept")
    options = parser.parse_args(arguments)
    limit_to_one_thread()
    names, seeds = (QUICK, [0]) if options.quick else (options.tasks, options.seeds)
    if options.collect:
        collect(names, seeds, options.collect)
        return
    with redirect_stdout(sys.stderr):
        result = run(names, seeds, options.again)
    if options.json:
        print(json.dumps(result))
        return
    for name, task in result["tasks"].items():
        for part, figures in (("all", task), ("quarter", task["quarter"])):
            print(f"{name:<14}{part:<9}", *(f"{key} {figures[key]:.3f}" for key in FIGURES))
    print({key: value for key, value in result.items() if key != "tasks"})


if __name__ == "__main__":
    main()
