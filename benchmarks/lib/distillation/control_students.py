"""Control students: wired at random, or trained on pseudo-anomaly labels without a teacher."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.detect.pooling import SUB_BAND_GROUPS, Pooling
from anomaly.features.mel import Centibels
from anomaly.student.arrays import Integers
from anomaly.student.circuit import Circuit
from anomaly.student.distillation.criterion import Criterion, validation_split
from anomaly.student.distillation.distil import distil
from anomaly.student.distillation.plan import DistillationSetup, DistilPlan
from anomaly.training.student_start import StudentStart
from lib.distillation.conversion import deviations
from lib.distillation.training_run import TrainingRun

# Error level of every pseudo-anomaly, in standard deviations of normal sound.
_PSEUDO_ANOMALY_LEVEL = 3.0


class PseudoAnomalyLabels:
    """Detector that stands in for the teacher: every second window is labelled as a pseudo-anomaly.

    Distillation cuts windows of normal sound and disturbs every second of them, starting with the second.

    Args:
        bands: of the levels.
    """

    name = "teacher"

    def __init__(self, bands: int) -> None:
        self._bands, self._windows = bands, 0

    @property
    def bands(self) -> int:
        """Number of pooled mel bands in its input."""
        return self._bands

    @property
    def channels(self) -> int:
        """One channel per sub-band group: labels do not distinguish bands."""
        return SUB_BAND_GROUPS

    def reset(self, streams: int) -> None:
        """Start a window."""
        self._windows += 1

    def fresh(self) -> PseudoAnomalyLabels:
        """Copy of this detector before its first window."""
        return PseudoAnomalyLabels(self._bands)

    def push(self, levels: Centibels) -> npt.NDArray[np.float64]:
        """Error levels of a window: zero deviations for a normal one, the same deviation everywhere for another."""
        level = 0.0 if self._windows % 2 else _PSEUDO_ANOMALY_LEVEL
        return np.full((*levels.shape[:2], SUB_BAND_GROUPS), np.exp(level))

    @property
    def pooling(self) -> Pooling:
        """Standardisation that returns the labelled deviations unchanged."""
        nothing, one = np.zeros((2, SUB_BAND_GROUPS)), np.ones((2, SUB_BAND_GROUPS))
        return Pooling("log", nothing, one, np.zeros(2), np.ones(2))


def wired_at_random(run: TrainingRun, start: StudentStart) -> Circuit:
    """Circuit with as many synapses at random places, random weights, and thresholds at the same deviations.

    It has no scale predictors, no slow neurons, and no synapses from sums to comparators: a fitted sum has no meaning
    for a comparator with random weights.
    """
    random = np.random.default_rng([run.seed, 11])
    most = run.chip.limits.weight_max
    old = start.circuit
    # Synapses of a comparator's sum become its own, up to the fan-in.
    counts = np.count_nonzero(old.tap_weights, axis=1) + np.count_nonzero(old.sum_weights, axis=1)
    direct = _scattered(old.tap_weights.shape, np.maximum(counts, run.plan.sum_fan_in), random, most)
    before, after = (deviations(run.training, start.code, one) for one in (old.tap_weights, direct))
    highest = run.chip.limits.threshold_max
    thresholds = np.clip(np.rint(old.thresholds * after / before), 1, highest).astype(np.int32)
    made = replace(old, tap_weights=direct, thresholds=thresholds, sum_weights=np.zeros_like(old.sum_weights))
    if old.drift is None:
        return made
    return replace(made, drift=None, kinds=old.kinds[:-1], divisors=old.divisors[:-SUB_BAND_GROUPS])


def _scattered(shape: tuple[int, ...], counts: Integers, random: np.random.Generator, most: int) -> Integers:
    """Draw places and weights of a given number of synapses in each row."""
    weights = np.zeros(shape, np.int32)
    for row, count in zip(weights, counts, strict=True):
        taps = random.choice(len(row), int(count), replace=False)
        row[taps] = random.integers(1, most + 1, int(count)) * random.choice([-1, 1], int(count))
    return weights


def train_circuit(
    run: TrainingRun,
    start: StudentStart,
    circuit: Circuit,
    plan: DistilPlan,
    teacher: tuple[bytes, Pooling] | None,
) -> Circuit:
    """Train a circuit with a teacher, or on pseudo-anomaly labels if there is none; keep it if training harms it."""
    sounds, validation = validation_split([block.samples for block in run.data.training])
    v_sat = run.chip.limits.v_sat
    criterion = Criterion.from_sounds(
        validation, plan.validation_windows, run.front_end, v_sat, seed=run.seed
    )
    labels = PseudoAnomalyLabels(start.code.bands)
    target: tuple[Any, Pooling] = (
        (labels, labels.pooling) if teacher is None else (TeacherDetector(teacher[0]), teacher[1])
    )
    setting = DistillationSetup(run.front_end, start.code, run.chip.limits, *target)
    if teacher is None:
        # Labels do not depend on the sound, so their gap to the start cannot be measured.
        plan = replace(plan, min_gap=-1.0)
    return distil(circuit, setting, sounds, criterion, plan, seed=run.seed).circuit
