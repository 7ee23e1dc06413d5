"""What a student would be without this or that: wired at random, or trained on labels made without a teacher."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from conversion import deviations
from lessons import Lesson

from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.detect.pooling import SUB_BAND_GROUPS, Pooling
from anomaly.features.mel import Centibels
from anomaly.student.circuit import Circuit, Integers
from anomaly.student.distillation.criterion import Criterion, validation_split
from anomaly.student.distillation.distil import DistillationSetup, DistilPlan, distil
from anomaly.training.student_start import StudentStart

# Deviations of normal sound that a pseudo-anomaly is said to be off, whatever it is.
_SAID = 3.0


class SelfMadeLabels:
    """Takes the teacher's place and knows only what was made: every second window it is given is a pseudo-anomaly.

    Distillation cuts windows of normal sound and disturbs every second of them, the first one not.

    Args:
        bands: of the levels.
    """

    name = "teacher"

    def __init__(self, bands: int) -> None:
        self._bands, self._windows = bands, 0

    @property
    def bands(self) -> int:
        """Pooled mel bands it is given."""
        return self._bands

    @property
    def channels(self) -> int:
        """One kind: no band is worse than another, for all that a label tells."""
        return SUB_BAND_GROUPS

    def reset(self, streams: int) -> None:
        """A window begins."""
        self._windows += 1

    def fresh(self) -> SelfMadeLabels:
        """The same, before the first window."""
        return SelfMadeLabels(self._bands)

    def push(self, levels: Centibels) -> npt.NDArray[np.float64]:
        """Nothing where the window is normal, the same everywhere where it is not."""
        said = 0.0 if self._windows % 2 else _SAID
        return np.full((*levels.shape[:2], SUB_BAND_GROUPS), np.exp(said))

    @property
    def pooling(self) -> Pooling:
        """Reads nothing as no deviation and the rest as the deviations said."""
        nothing, one = np.zeros((2, SUB_BAND_GROUPS)), np.ones((2, SUB_BAND_GROUPS))
        return Pooling("log", nothing, one, np.zeros(2), np.ones(2))


def at_random(lesson: Lesson, start: StudentStart) -> Circuit:
    """As many synapses anywhere, with weights of any size, and thresholds at the same deviations; no scales, no slow
    neurons.

    What a fitted sum would mean to a random comparator is nothing, so comparators hear no sums either.
    """
    random = np.random.default_rng([lesson.seed, 11])
    most = lesson.chip.limits.weight_max
    old = start.circuit
    # The synapses that a comparator's sum has are its own here, as far as it has room.
    wide = np.count_nonzero(old.weights, axis=1) + np.count_nonzero(old.heard, axis=1)
    direct = _scattered(old.weights.shape, np.maximum(wide, lesson.plan.fan_in), random, most)
    before, after = (deviations(lesson.training, start.code, one) for one in (old.weights, direct))
    highest = lesson.chip.limits.threshold_max
    thresholds = np.clip(np.rint(old.thresholds * after / before), 1, highest).astype(np.int32)
    made = replace(old, weights=direct, thresholds=thresholds, heard=np.zeros_like(old.heard))
    if old.slow is None:
        return made
    return replace(made, slow=None, kinds=old.kinds[:-1], divisors=old.divisors[:-SUB_BAND_GROUPS])


def _scattered(shape: tuple[int, ...], counts: Integers, random: np.random.Generator, most: int) -> Integers:
    """So many synapses in each row, anywhere and of any size."""
    weights = np.zeros(shape, np.int32)
    for row, count in zip(weights, counts, strict=True):
        taps = random.choice(len(row), int(count), replace=False)
        row[taps] = random.integers(1, most + 1, int(count)) * random.choice([-1, 1], int(count))
    return weights


def trained(
    lesson: Lesson,
    start: StudentStart,
    circuit: Circuit,
    plan: DistilPlan,
    teacher: tuple[bytes, Pooling] | None,
) -> Circuit:
    """A circuit after training by a teacher as in the product, or on self-made labels; kept if training harms it."""
    sounds, checked = validation_split([block.samples for block in lesson.material.training])
    v_sat = lesson.chip.limits.v_sat
    criterion = Criterion.of(checked, plan.checks, lesson.front_end, v_sat, seed=lesson.seed)
    labels = SelfMadeLabels(start.code.bands)
    said: tuple[Any, Pooling] = (
        (labels, labels.pooling) if teacher is None else (TeacherDetector(teacher[0]), teacher[1])
    )
    setting = DistillationSetup(lesson.front_end, start.code, lesson.chip.limits, *said)
    if teacher is None:
        # Labels hear nothing: whether they are ahead of the start cannot be asked.
        plan = replace(plan, least_lead=-1.0)
    return distil(circuit, setting, sounds, criterion, plan, seed=lesson.seed).circuit
