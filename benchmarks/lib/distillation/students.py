"""Students of one teacher: the product's, its closed form, a small one, on imperfect chips, and with few spikes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.evaluate.bench.rounds import Score
from anomaly.student.budget import Budget
from anomaly.training.compile import Chip, compile_circuit, read_chip
from anomaly.training.model_artifacts import ModelArtifacts
from anomaly.training.student_start import StudentStart
from anomaly.training.student_training import StudentConstraints
from chip.sim.imperfection import Imperfection
from lib.distillation.experiment import Detectors, Experiment, middle_level, one_level
from lib.distillation.training_run import Facts, TrainingCache, TrainingRun, cost_of

SMALL = Budget(max_neurons=300, max_sop_per_s=20_000)
SMALL_BITS = 4
# A short training is enough for a small student, and keeps the benchmark affordable.
SMALL_PROFILE = "fast"
CHIPS = 50
# Cost of a wire of mean length relative to a synapse: chosen on simulated machines that the bench does not use, and a
# third of it.
WIRE_COSTS = {"blind": 0.0, "aware": 3.0, "mild": 1.0}
SIGMA, LOST, LEAK = 0.05, 0.01, 8
# From the smallest that detects anything to the product's, as changes of `ClosedFormPlan`; small ones have no leak.
_ONE: dict[str, Any] = {"leak": 0, "quantiles": (0.9,), "loads": (1,)}
LADDER: dict[str, dict[str, Any]] = {
    "a": {"kinds": ("frame",), "band_stride": 4, "sum_fan_in": 3, "event_size": 1.0, "drift_leak": 0, **_ONE},
    "b": {"kinds": ("frame",), "band_stride": 2, "sum_fan_in": 6, "event_size": 0.7, "drift_leak": 0, **_ONE},
    "c": {
        "kinds": ("context",),
        "micro_steps": 2,
        "sum_fan_in": 10,
        "event_size": 0.5,
        "drift_leak": 0,
        **_ONE,
    },
    "d": {"kinds": ("context",), "micro_steps": 2, "sum_fan_in": 10, "event_size": 0.5, **_ONE},
    "e": {"kinds": ("context",), "micro_steps": 2, "event_size": 0.36, **_ONE},
    "f": {"micro_steps": 2, "event_size": 0.36, **_ONE},
    "g": {"leak": 0, "micro_steps": 2, "event_size": 0.3, "quantiles": (0.9, 0.98), "loads": (1, 2)},
    "h": {"leak": 0, "event_size": 0.3},
    "i": {},
}


def product_students(run: TrainingRun, cache: TrainingCache) -> tuple[Detectors, Facts]:
    """Teacher, the student distilled from it, and the closed form from which distillation started."""
    trained = cache.trained(run)
    teacher = run.level_cache.scoring(TeacherDetector(trained.onnx), trained.teacher)
    student = run.detector(trained.code, trained.circuit)
    return {
        "teacher": teacher,
        "student": run.level_cache.scoring(student, trained.pooling),
        "closed_form": run.scoring(trained.start_code, trained.start_circuit),
    }, trained.facts


def small_student(run: TrainingRun, cache: TrainingCache) -> tuple[Detectors, Facts]:
    """Student within a small budget, distilled from the same teacher."""
    trained = cache.trained(run)
    chip = read_chip("senna", SMALL_BITS)
    artifacts, facts = _train_small(run, trained.onnx, chip)
    teacher = run.level_cache.scoring(TeacherDetector(trained.onnx), trained.teacher)
    return {"teacher": teacher, "small": run.scoring(artifacts.code, artifacts.circuit)}, facts | cost_of(
        artifacts
    )


def _train_small(run: TrainingRun, onnx: bytes, chip: Chip) -> tuple[ModelArtifacts, Facts]:
    small_run = TrainingRun(run.clips, run.seed, SMALL_PROFILE)
    return small_run.build_artifacts(chip, teacher=onnx, constraints=StudentConstraints(SMALL))


def imperfect_chips(run: TrainingRun, cache: TrainingCache) -> tuple[Detectors, Facts]:
    """Student on imperfect chips, with the standardisation of a perfect one."""
    trained = cache.trained(run)

    def on(chip: int = 0, **what: Any) -> Any:
        made = run.detector(
            trained.code,
            trained.circuit,
            imperfection=Imperfection(seed=run.seed, **what) if what else None,
            chip=chip,
        )
        return run.level_cache.scoring(made, trained.pooling)

    chips = {f"mismatch#{chip}": on(chip, weight_mismatch_sigma=SIGMA) for chip in range(CHIPS)}
    others = {"lost_events": on(lost_events=LOST), "leak": on(extra_leak_shift=LEAK)}
    without_leak, facts = _without_leak(run)
    return {"student": on()} | others | chips | without_leak, facts | {"chips": CHIPS}


def _without_leak(run: TrainingRun) -> tuple[dict[str, Score], Facts]:
    """Closed form whose neurons do not leak, on the same imperfect chips."""
    start = run.by_plan(run.plan.without_leak())
    pooling = run.pooling(run.detector(start.code, start.circuit))

    def on(**what: Any) -> Any:
        imperfection = Imperfection(seed=run.seed, **what) if what else None
        return run.level_cache.scoring(
            run.detector(start.code, start.circuit, imperfection=imperfection), pooling
        )

    facts = {f"without_leak_{name}": value for name, value in run.cost_of_start(start).items()}
    return {
        "without_leak": on(),
        "without_leak_lost_events": on(lost_events=LOST),
        "without_leak_leak": on(extra_leak_shift=LEAK),
    }, facts


def sop_curve(run: TrainingRun, cache: TrainingCache) -> tuple[Detectors, Facts]:
    """Closed forms from few spikes to many, and the teacher."""
    trained = cache.trained(run)
    found: dict[str, Any] = {
        "teacher": run.level_cache.scoring(TeacherDetector(trained.onnx), trained.teacher)
    }
    facts: Facts = {}
    for name, changes in LADDER.items():
        start = run.by_plan(replace(run.plan, **changes))
        facts |= {f"{name}_{what}": value for what, value in run.cost_of_start(start).items()}
        found[name] = run.scoring(start.code, start.circuit)
    return found, facts


def wire_costs(run: TrainingRun, _cache: TrainingCache) -> tuple[Detectors, Facts]:
    """Closed form fitted with a wire cost after placement and routing, and the same without a wire cost."""
    starts, facts = {}, Facts()
    for name, wire_cost in WIRE_COSTS.items():
        start_s = time.process_time()
        starts[name] = run.by_plan(replace(run.plan, wire_cost=wire_cost))
        facts[f"{name}_cpu_seconds"] = time.process_time() - start_s
    for name, start in starts.items():
        figures = routing_figures(run, start) | run.cost_of_start(start)
        facts |= {f"{name}_{what}": value for what, value in figures.items()}
    return {name: run.scoring(one.code, one.circuit) for name, one in starts.items()}, facts


def routing_figures(run: TrainingRun, start: StudentStart) -> Facts:
    """Wirelength weighted by spikes per step, and the minimum channel width."""
    compiled, _ = compile_circuit(start.circuit, start.code, run.chip, run.held_out)
    return {name: float(compiled.report[name]) for name in ("activity_wirelength", "min_channel_width")}


def experiments() -> Sequence[Experiment]:
    """Experiments on the sets of the detection bench."""
    return (
        Experiment("sets", product_students, every_seed=True, modules=("students",)),
        Experiment("small", small_student, every_seed=True, modules=("students",)),
        Experiment("robust", imperfect_chips, middle_level, modules=("students",)),
        Experiment("curve", sop_curve, one_level, modules=("students",)),
        Experiment("wires", wire_costs, one_level, modules=("students",)),
    )
