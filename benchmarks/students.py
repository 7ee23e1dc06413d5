"""Students of one teacher: the product's, its start, a small one, some on imperfect chips, some of few spikes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lessons import Facts, Lesson, Shelf, cost_of
from parts import Detectors, Part, middle_level, one_level

from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.student.budget import Budget
from anomaly.training.compile import compile_circuit, read_chip
from anomaly.training.student_start import StudentStart
from anomaly.training.student_training import StudentConstraints
from chip.sim.imperfection import Imperfection

SMALL = Budget(max_neurons=300, max_sop_per_s=20_000)
SMALL_BITS = 4
# A small student has little to learn: less is enough, and the bench stays affordable.
SMALL_PROFILE = "fast"
CHIPS = 50
# How much dearer a synapse is for a wire of mean length: a strength that saved enough, and a third of it, on simulated
# machines that the bench does not use.
WIRE_COSTS = {"blind": 0.0, "aware": 3.0, "mild": 1.0}
SIGMA, LOST, LEAK = 0.05, 0.01, 8
# From the smallest that hears anything to the product's, in the words of `ClosedFormPlan`; small ones have no leak.
_ONE: dict[str, Any] = {"leak": 0, "quantiles": (0.9,), "loads": (1,)}
LADDER: dict[str, dict[str, Any]] = {
    "a": {"kinds": ("frame",), "stride": 4, "fan_in": 3, "step": 1.0, "slow": 0, **_ONE},
    "b": {"kinds": ("frame",), "stride": 2, "fan_in": 6, "step": 0.7, "slow": 0, **_ONE},
    "c": {"kinds": ("context",), "micro_steps": 2, "fan_in": 10, "step": 0.5, "slow": 0, **_ONE},
    "d": {"kinds": ("context",), "micro_steps": 2, "fan_in": 10, "step": 0.5, **_ONE},
    "e": {"kinds": ("context",), "micro_steps": 2, "step": 0.36, **_ONE},
    "f": {"micro_steps": 2, "step": 0.36, **_ONE},
    "g": {"leak": 0, "micro_steps": 2, "step": 0.3, "quantiles": (0.9, 0.98), "loads": (1, 2)},
    "h": {"leak": 0, "step": 0.3},
    "i": {},
}


def on_sets(lesson: Lesson, shelf: Shelf) -> tuple[Detectors, Facts]:
    """The teacher, the student that was distilled from it, and the closed form which that began as."""
    trained = shelf.trained(lesson)
    teacher = lesson.ear.scoring(TeacherDetector(trained.onnx), trained.teacher)
    student = lesson.detector(trained.code, trained.circuit)
    return {
        "teacher": teacher,
        "student": lesson.ear.scoring(student, trained.pooling),
        "closed_form": lesson.scoring(trained.start_code, trained.start_circuit),
    }, trained.facts


def small(lesson: Lesson, shelf: Shelf) -> tuple[Detectors, Facts]:
    """The best student inside a small budget, distilled from the same teacher."""
    trained = shelf.trained(lesson)
    chip = read_chip("senna", SMALL_BITS)
    parts, facts = _small(lesson, trained.onnx, chip)
    teacher = lesson.ear.scoring(TeacherDetector(trained.onnx), trained.teacher)
    return {"teacher": teacher, "small": lesson.scoring(parts.code, parts.circuit)}, facts | cost_of(parts)


def _small(lesson: Lesson, onnx: bytes, chip: Any) -> tuple[Any, Facts]:
    modest = Lesson(lesson.clips, lesson.seed, SMALL_PROFILE)
    return modest.build_artifacts(chip, teacher=onnx, order=StudentConstraints(SMALL))


def robust(lesson: Lesson, shelf: Shelf) -> tuple[Detectors, Facts]:
    """The student on imperfect chips, scored as on a perfect one."""
    trained = shelf.trained(lesson)

    def on(chip: int = 0, **what: Any) -> Any:
        made = lesson.detector(
            trained.code,
            trained.circuit,
            imperfection=Imperfection(seed=lesson.seed, **what) if what else None,
            chip=chip,
        )
        return lesson.ear.scoring(made, trained.pooling)

    chips = {f"mismatch#{chip}": on(chip, weight_mismatch_sigma=SIGMA) for chip in range(CHIPS)}
    others = {"lost_events": on(lost_events=LOST), "leak": on(extra_leak_shift=LEAK)}
    found, facts = _without_leak(lesson)
    return {"student": on()} | others | chips | found, facts | {"chips": CHIPS}


def _without_leak(lesson: Lesson) -> tuple[Detectors, Facts]:
    """The closed form whose neurons forget nothing, on the same imperfect chips."""
    start = lesson.by_plan(lesson.plan.without_leak())
    pooling = lesson.pooling(lesson.detector(start.code, start.circuit))

    def on(**what: Any) -> Any:
        flawed = Imperfection(seed=lesson.seed, **what) if what else None
        return lesson.ear.scoring(lesson.detector(start.code, start.circuit, imperfection=flawed), pooling)

    facts = {f"without_leak_{name}": value for name, value in lesson.use(start).items()}
    return {
        "without_leak": on(),
        "without_leak_lost_events": on(lost_events=LOST),
        "without_leak_leak": on(extra_leak_shift=LEAK),
    }, facts


def curve(lesson: Lesson, shelf: Shelf) -> tuple[Detectors, Facts]:
    """Closed forms from few spikes to many, and the teacher beside them."""
    trained = shelf.trained(lesson)
    found: dict[str, Any] = {"teacher": lesson.ear.scoring(TeacherDetector(trained.onnx), trained.teacher)}
    facts: Facts = {}
    for name, changes in LADDER.items():
        start = lesson.by_plan(replace(lesson.plan, **changes))
        facts |= {f"{name}_{what}": value for what, value in lesson.use(start).items()}
        found[name] = lesson.scoring(start.code, start.circuit)
    return found, facts


def wires(lesson: Lesson, _shelf: Shelf) -> tuple[Detectors, Facts]:
    """The closed form that was placed, routed and built anew, against the same recipe blind to wires."""
    starts, facts = {}, Facts()
    for name, wire_cost in WIRE_COSTS.items():
        begun = time.process_time()
        starts[name] = lesson.by_plan(replace(lesson.plan, wire_cost=wire_cost))
        facts[f"{name}_cpu_seconds"] = time.process_time() - begun
    for name, start in starts.items():
        figures = routed(lesson, start) | lesson.use(start)
        facts |= {f"{name}_{what}": value for what, value in figures.items()}
    return {name: lesson.scoring(one.code, one.circuit) for name, one in starts.items()}, facts


def routed(lesson: Lesson, start: StudentStart) -> Facts:
    """Wire length, weighted with spikes per step, and the narrowest channels that would do."""
    compiled, _ = compile_circuit(start.circuit, start.code, lesson.chip, lesson.held_out)
    return {name: float(compiled.report[name]) for name in ("activity_wirelength", "min_channel_width")}


def parts() -> Sequence[Part]:
    """All that run on the bench's own sets."""
    return (
        Part("sets", on_sets, every_seed=True, modules=("students",)),
        Part("small", small, every_seed=True, modules=("students",)),
        Part("robust", robust, middle_level, modules=("students",)),
        Part("curve", curve, one_level, modules=("students",)),
        Part("wires", wires, one_level, modules=("students",)),
    )
