"""Distillation beside direct conversion and training without a teacher, on a quarter, half and all of the data."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np

from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.evaluate.bench.clips import DetectionSet, Samples
from anomaly.evaluate.bench.rounds import Score
from anomaly.student.distillation.plan import DistilPlan
from anomaly.teacher.export import to_onnx
from anomaly.training.compile import compile_circuit
from anomaly.training.student_start import StudentStart
from anomaly.training.teacher_training import train_teacher
from chip.errors import ChipError
from lib.distillation.control_students import train_circuit, wired_at_random
from lib.distillation.conversion import convert, linear_teacher, neurons_needed
from lib.distillation.experiment import Detectors, Experiment
from lib.distillation.training_run import Facts, TrainingCache, TrainingRun

SHARES = (0.25, 0.5, 1.0)
SETS = ("slider-fault", "bldc-mix", "sim-gearbox")
LEVEL = {"bldc-mix": 0.0}
# All students trained by gradients share this plan, which is smaller than the product's, because there are many.
# The product refuses to distil from as little sound as a quarter of the data; here there is no lower bound.
PLAN = DistilPlan(windows=512, steps=120, validation_windows=30, min_sound_s=0.0)
METHODS = {
    "teacher": "the teacher itself",
    "distilled": "closed form, then distilled from the teacher",
    "closed_form": "closed form alone: no teacher, no gradient",
    "closed_form_labels": "closed form, then trained on self-made labels: no teacher",
    "random_distilled": "random wiring, distilled from the teacher",
    "random_labels": "random wiring, trained on self-made labels: no teacher",
    "converted": "direct conversion of the linear teacher of three frames",
    "converted_from": "that linear teacher, before its conversion",
}

Result = TypeVar("Result")


def select_sets(group: Sequence[DetectionSet]) -> list[DetectionSet]:
    """Select three sets of different kinds, at all levels that share a training."""
    if group[0].name not in SETS:
        return []
    level = LEVEL.get(group[0].name)
    return [one for one in group if level is None or one.level == level]


def share_of(clips: Sequence[Samples], share: float, seed: int) -> list[Samples]:
    """Select a share of the clips in their own order; a larger share contains the smaller ones."""
    order = np.random.default_rng([seed, 7]).permutation(len(clips))
    return [clips[int(n)] for n in sorted(order[: max(1, round(share * len(clips)))])]


def compare_methods(run: TrainingRun, _cache: TrainingCache) -> tuple[Detectors, Facts]:
    """Train every method on every share of the data."""
    found: dict[str, Score] = {}
    facts: Facts = {}
    for share in SHARES:
        share_run = TrainingRun(share_of(run.clips, share, run.seed), run.seed, run.profile_name)
        # All methods and shares use the same levels of the test clips.
        share_run.level_cache = run.level_cache
        methods = _Methods(share_run)
        found |= {f"{name}@{share:g}": score for name, score in methods.scores().items()}
        facts |= {f"{name}@{share:g}": value for name, value in methods.facts.items()}
    return found, facts


class _Methods:
    def __init__(self, run: TrainingRun) -> None:
        self._run = run
        self.facts: Facts = {"sound_seconds": run.data.seconds}

    def scores(self) -> dict[str, Score]:
        """Train all methods on the same sound.

        Seconds are processor time, and include those of the results that a method starts from.
        """
        run, cache = self._run, self._run.level_cache
        trained = self._timed(
            "teacher",
            lambda: train_teacher(run.data, run.front_end, run.profile, seed=run.seed),
        )
        teacher = (trained.onnx, trained.calibration.pooling)
        start = self._timed("closed_form", run.by_plan)
        random = wired_at_random(run, start)
        circuits = {
            name: self._timed(name, partial(train_circuit, run, start, begin, PLAN, by), first)
            for name, begin, by, first in (
                ("distilled", start.circuit, teacher, ("teacher", "closed_form")),
                ("closed_form_labels", start.circuit, None, ("closed_form",)),
                ("random_distilled", random, teacher, ("teacher",)),
                ("random_labels", random, None, ()),
            )
        }
        linear = self._timed("converted_from", lambda: linear_teacher(run.training, run.seed))
        limits = run.chip.limits
        direct = self._timed(
            "converted",
            lambda: convert(linear, run.training, start.code, start.circuit, limits),
            ("converted_from",),
        )
        self._sizes(trained.onnx, replace(start, circuit=direct), start)
        unconverted = TeacherDetector(to_onnx(linear))
        return {
            "teacher": cache.scoring(TeacherDetector(trained.onnx), teacher[1]),
            "closed_form": run.scoring(start.code, start.circuit),
            **{name: run.scoring(start.code, circuit) for name, circuit in circuits.items()},
            "converted": run.scoring(start.code, direct),
            "converted_from": cache.scoring(unconverted, run.pooling(unconverted, "log")),
        }

    def _timed(self, name: str, make: Callable[[], Result], first: Sequence[str] = ()) -> Result:
        start = time.process_time()
        result = make()
        spent = time.process_time() - start
        self.facts[f"{name}_seconds"] = spent + sum(self.facts[f"{one}_seconds"] for one in first)
        return result

    def _sizes(self, onnx: bytes, direct: StudentStart, start: StudentStart) -> None:
        run = self._run
        costs = {"converted": run.cost_of_start(direct), "student": run.cost_of_start(start)}
        self.facts |= {f"{name}_{what}": v for name, cost in costs.items() for what, v in cost.items()}
        self.facts["whole_teacher_neurons"] = neurons_needed(
            onnx, run.chip.limits.fan_in, start.code.micro_steps
        )
        try:
            compile_circuit(direct.circuit, direct.code, run.chip, run.held_out[:2])
        except ChipError:
            self.facts["converted_routed"] = 0.0
        else:
            self.facts["converted_routed"] = 1.0


def experiment() -> Experiment:
    """Experiment that compares the methods."""
    return Experiment(
        "conversion",
        compare_methods,
        select_sets,
        modules=("method_comparison", "conversion", "control_students"),
    )
