"""What distillation keeps: students beside their teacher on the detection bench, with what they cost.

    python benchmarks/distillation.py [--json] [--quick] [--recordings DIR] [--sets NAME]... [--seeds N]

Every set's teacher is trained once; all students come from it. Scores and facts are kept under build/distillation,
by what was trained on what with which code, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from harness import HERE, STUDENT, as_json, lines, product_code, say
from students import CURVE_SOP, IMPERFECT, Facts, Students

from anomaly.errors import AnomalyError
from anomaly.evaluate.bench import SETS, SIMULATED, bench_sets
from anomaly.evaluate.bench.contest import contest, mean_over_sets
from anomaly.evaluate.bench.play import Contestant, Finished, Rounds, play
from anomaly.evaluate.bench.summary import Results, sum_up

SEEDS = 3
QUICK_SETS = ("slider-fault", "rig", "sim-valve")


def run(
    recordings: Path | None, seeds: int, sets: Sequence[str], profile: str, cache: Path
) -> tuple[Rounds, list[Facts]]:
    """Build every set with every seed; train, score and measure. The costly extras run with the first seed."""
    rounds: Rounds = {}
    facts: list[Facts] = []
    code = f"{profile} {product_code(STUDENT)} {(HERE / 'students.py').stat().st_size}"
    for seed in range(seeds):
        for group in bench_sets(recordings, seed, sets):
            made = Students(profile, extras=seed == 0)
            who = Contestant(f"students{'' if seed else '_and_extras'}", made.fit, code)
            finished = Finished(cache)
            play(rounds, group, seed, [who], finished=finished, say=say)
            facts.append(made.facts(group, seed, finished.path(group, seed, who)))
    return rounds, facts


def report(rounds: Rounds, facts: Sequence[Facts]) -> dict[str, Any]:
    """Everything that was found, as plain values."""
    everywhere = {key: played for key, played in rounds.items() if key[2] in MAIN}
    results = sum_up(everywhere)
    means = mean_over_sets(results)
    return {
        "sets": as_json(results),
        "mean_over_sets": means,
        "student_less_teacher": _less(rounds, "student", "teacher"),
        "student_less_closed_form": _less(rounds, "student", "closed_form"),
        "small_less_teacher": _less(rounds, "small", "teacher"),
        "most_below_teacher": _most_below(results, "student"),
        **{name: _mean(facts, name) for name in COSTS},
        "small": {name: _mean(facts, f"small_{name}") for name in ("neurons", "synapses", "sop_per_s")},
        "macs_per_sop": _mean(facts, "teacher_macs_per_s") / max(_mean(facts, "sop_per_s"), 1e-9),
        "kept_start_share": _mean(facts, "kept_start"),
        "wirelength_aware_vs_blind": {
            **{name: _mean(facts, f"wire_{name}") for name in ("activity_wirelength", "min_channel_width")},
            "auc": -_loss(rounds, "wire_aware", "closed_form"),
        },
        **_imperfect(rounds),
        "curve": _curve(rounds, facts),
        "facts": [asdict(one) for one in facts],
    }


MAIN = ("teacher", "closed_form", "student", "small")
COSTS = ("neurons", "synapses", "sop_per_s", "teacher_macs_per_s", "train_seconds")


def _less(rounds: Rounds, ours: str, theirs: str) -> dict[str, object] | None:
    duel = contest(rounds, ours, theirs)
    return None if duel is None else duel.as_json()


def _most_below(results: Results, name: str) -> dict[str, object]:
    """The set on which a student loses most against its teacher, mean over its levels."""
    lost = {
        one: float(np.mean([row["teacher"].auc - row[name].auc for row in levels.values()]))
        for one, levels in results.items()
    }
    worst = max(lost, key=lambda one: lost[one])
    return {"set": worst, "auc": lost[worst]}


def _mean(facts: Sequence[Facts], name: str) -> float:
    values = [one.values[name] for one in facts if name in one.values]
    return float(np.mean(values)) if values else float("nan")


def _imperfect(rounds: Rounds) -> dict[str, float]:
    """What each imperfection costs in AUC, mean over the tests that were scored with it."""
    return {f"{name}_auc_loss": _loss(rounds, name, "student") for name in IMPERFECT}


def _loss(rounds: Rounds, name: str, against: str) -> float:
    """How much lower the AUC is, of the first seed, mean over tests and over chips (``name#chip``)."""
    results = sum_up({key: played[:1] for key, played in rounds.items()})
    lost = [
        row[against].auc - got.auc
        for levels in results.values()
        for row in levels.values()
        for detector, got in row.items()
        if detector.split("#")[0] == name
    ]
    return float(np.mean(lost)) if lost else float("nan")


def _curve(rounds: Rounds, facts: Sequence[Facts]) -> list[dict[str, float]]:
    """AUC against synaptic operations, over the tests that have every student of the curve."""
    results = sum_up({key: played[:1] for key, played in rounds.items()})
    points = []
    for limit in CURVE_SOP:
        name = f"sop_{limit}"
        rows = [row for levels in results.values() for row in levels.values() if name in row]
        if rows:
            auc, ref = (float(np.mean([row[which].auc for row in rows])) for which in (name, "teacher"))
            points.append({"limit": limit, "sop_per_s": _mean(facts, name), "auc": auc, "teacher_auc": ref})
    return points


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run, print."""
    given = _parser().parse_args(arguments)
    recordings = given.recordings if given.recordings.is_dir() else None
    sets = given.sets or (QUICK_SETS if given.quick and recordings else SETS if recordings else SIMULATED)
    started = time.monotonic()
    try:
        cache = HERE.parent / "build" / "distillation"
        rounds, facts = run(
            recordings, given.seeds or (1 if given.quick else SEEDS), sets, given.profile, cache
        )
    except AnomalyError as error:
        say(f"error: {error}" + (f"\n  {error.hint}" if error.hint else ""))
        return int(error.exit_code)
    found = report(rounds, facts) | {
        "profile": given.profile,
        "seconds": round(time.monotonic() - started, 1),
    }
    if given.json:
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(lines(sum_up({k: v for k, v in rounds.items() if k[2] in MAIN}))))
        shown = {name: value for name, value in found.items() if name not in ("sets", "facts")}
        print(json.dumps(shown, indent=2))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = Path(os.environ.get("ANOMALY_RECORDINGS", HERE.parent.parent / "shared" / "audio"))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help=f"one seed, {', '.join(QUICK_SETS)} only")
    parser.add_argument("--recordings", type=Path, default=default, help="folder of real recordings")
    parser.add_argument("--sets", action="append", choices=SETS, help="leave the other sets out")
    parser.add_argument("--seeds", type=int, help=f"how many; {SEEDS} if left out, 1 with --quick")
    parser.add_argument("--profile", default="fast", help="of training: fast, standard or best")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
