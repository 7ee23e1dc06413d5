"""The claim of distillation: against direct conversion and no teacher, at a quarter, half and all of the data."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from conversion import converted, linear_teacher, neurons_needed
from lessons import Facts, Lesson, Shelf
from parts import Detectors, Part
from untaught import at_random, trained

from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.evaluate.bench.clips import DetectionSet, Samples
from anomaly.evaluate.bench.rounds import Score
from anomaly.student.distillation.distil import DistilPlan
from anomaly.teacher.export import to_onnx
from anomaly.training.compile import compile_circuit
from anomaly.training.student_start import StudentStart
from anomaly.training.teacher_training import train_teacher
from chip.errors import ChipError

SHARES = (0.25, 0.5, 1.0)
SETS = ("slider-fault", "bldc-mix", "sim-gearbox")
LEVEL = {"bldc-mix": 0.0}
# All that are trained by gradients are trained alike, with less effort than the product, so that there can be many.
# A quarter of the data may be less sound than the product distils from; it is tried all the same.
PLAN = DistilPlan(windows=512, steps=120, checks=30, least_sound_s=0.0)
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

Made = TypeVar("Made")


def wanted(group: Sequence[DetectionSet]) -> list[DetectionSet]:
    """A few sets of different nature, at all levels that share a training."""
    if group[0].name not in SETS:
        return []
    level = LEVEL.get(group[0].name)
    return [one for one in group if level is None or one.level == level]


def share_of(clips: Sequence[Samples], share: float, seed: int) -> list[Samples]:
    """Some of the clips, those of a smaller share among them, in their own order."""
    order = np.random.default_rng([seed, 7]).permutation(len(clips))
    return [clips[int(n)] for n in sorted(order[: max(1, round(share * len(clips)))])]


def claims(lesson: Lesson, _shelf: Shelf) -> tuple[Detectors, Facts]:
    """Every method at every share of the data."""
    found: dict[str, Score] = {}
    facts: Facts = {}
    for share in SHARES:
        part = Lesson(share_of(lesson.clips, share, lesson.seed), lesson.seed, lesson.profile_name)
        # The tests are heard once for all.
        part.ear = lesson.ear
        made = _Methods(part)
        found |= {f"{name}@{share:g}": score for name, score in made.scores().items()}
        facts |= {f"{name}@{share:g}": value for name, value in made.facts.items()}
    return found, facts


class _Methods:
    def __init__(self, lesson: Lesson) -> None:
        self._lesson = lesson
        self.facts: Facts = {"sound_seconds": lesson.material.seconds}

    def scores(self) -> dict[str, Score]:
        """All methods on the same sound. Seconds are of one processor, and include what a method begins from."""
        lesson, ear = self._lesson, self._lesson.ear
        taught = self._timed(
            "teacher",
            lambda: train_teacher(lesson.material, lesson.front_end, lesson.profile, seed=lesson.seed),
        )
        teacher = (taught.onnx, taught.calibration.pooling)
        start = self._timed("closed_form", lesson.by_plan)
        random = at_random(lesson, start)
        after = {
            name: self._timed(name, lambda begin=begin, by=by: trained(lesson, start, begin, PLAN, by), first)
            for name, begin, by, first in (
                ("distilled", start.circuit, teacher, ("teacher", "closed_form")),
                ("closed_form_labels", start.circuit, None, ("closed_form",)),
                ("random_distilled", random, teacher, ("teacher",)),
                ("random_labels", random, None, ()),
            )
        }
        linear = self._timed("converted_from", lambda: linear_teacher(lesson.training, lesson.seed))
        limits = lesson.chip.limits
        direct = self._timed(
            "converted",
            lambda: converted(linear, lesson.training, start.code, start.circuit, limits),
            ("converted_from",),
        )
        self._sizes(taught.onnx, replace(start, circuit=direct), start)
        before = TeacherDetector(to_onnx(linear))
        return {
            "teacher": ear.scoring(TeacherDetector(taught.onnx), teacher[1]),
            "closed_form": lesson.scoring(start.code, start.circuit),
            **{name: lesson.scoring(start.code, circuit) for name, circuit in after.items()},
            "converted": lesson.scoring(start.code, direct),
            "converted_from": ear.scoring(before, lesson.pooling(before, "log")),
        }

    def _timed(self, name: str, make: Callable[[], Made], first: Sequence[str] = ()) -> Made:
        begun = time.process_time()
        made = make()
        spent = time.process_time() - begun
        self.facts[f"{name}_seconds"] = spent + sum(self.facts[f"{one}_seconds"] for one in first)
        return made

    def _sizes(self, onnx: bytes, direct: StudentStart, start: StudentStart) -> None:
        lesson = self._lesson
        used = {"converted": lesson.use(direct), "student": lesson.use(start)}
        self.facts |= {f"{name}_{what}": v for name, use in used.items() for what, v in use.items()}
        self.facts["whole_teacher_neurons"] = neurons_needed(
            onnx, lesson.chip.limits.fan_in, start.code.micro_steps
        )
        try:
            compile_circuit(direct.circuit, direct.code, lesson.chip, lesson.held_out[:2])
        except ChipError:
            self.facts["converted_routed"] = 0.0
        else:
            self.facts["converted_routed"] = 1.0


def part() -> Part:
    """As a part of the benchmark."""
    return Part("conversion", claims, wanted, modules=("claims", "conversion", "untaught"))
