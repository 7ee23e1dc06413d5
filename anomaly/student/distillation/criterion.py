"""Validation criterion of a student without labels: AUC of normal sound against pseudo-anomalies made from it.

The caller chooses the recordings: held-out ones, which set the thresholds of all students alike, compare layouts; a
fifth of the training ones, on which nothing was distilled, decides whether distillation did harm. Two kinds of
pseudo-anomalies, knocks and chirps, are never trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from anomaly.detect.detectors.student import StudentDetector
from anomaly.detect.pooling import Pooling, fit_pooling, soft_maximum
from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.front_end import WARM_UP_FRAMES, FrontEnd, frames_before, segment_levels
from anomaly.features.level_normaliser import LevelNormaliser
from anomaly.features.mel import SAMPLE_RATE_HZ, Centibels, Samples
from anomaly.student.circuit import Circuit
from anomaly.student.distillation.pseudo_anomalies import HELD_OUT_KINDS, pseudo_anomaly
from chip.sim.imperfection import Imperfection

_WINDOW_S = 5
# Every fifth sound, from the third on, is for validation.
_VALIDATION_EVERY, _VALIDATION_FIRST = 5, 2
# Most segments that are simulated side by side: a bound of memory.
_MAX_STREAMS = 64

Seconds = list[npt.NDArray[np.int32]]


def validation_split(training: Sequence[Samples]) -> tuple[list[Samples], list[Samples]]:
    """Split sounds into those to train on and those for validation, every fifth.

    Where there are too few, all of them serve for both.
    """
    validation = list(training[_VALIDATION_FIRST::_VALIDATION_EVERY])
    if not validation:
        return list(training), list(training)
    rest = [sound for index, sound in enumerate(training) if index % _VALIDATION_EVERY != _VALIDATION_FIRST]
    return rest, validation


@dataclass(frozen=True, eq=False)
class Criterion:
    """Validation windows, computed by the front end once and scored by every student.

    Args:
        levels: of each window, one array [frames, bands] for each of its segments.
        normal: whether each window is normal.
        v_sat: membrane limit of the chip.
    """

    levels: list[list[Centibels]]
    normal: list[bool]
    v_sat: int

    @classmethod
    def from_sounds(
        cls, sounds: Sequence[Samples], count: int, front_end: FrontEnd, v_sat: int, *, seed: int
    ) -> Criterion:
        """Cut windows of five seconds, half overlapping, and disturb each with every kind of `HELD_OUT_KINDS`.

        Args:
            sounds: normal sound, float32, 16 kHz.
            count: windows, at most.
            front_end, v_sat: of the students.
            seed: of the pseudo-anomalies.
        """
        rng = np.random.default_rng([seed, 2])
        length = _WINDOW_S * SAMPLE_RATE_HZ
        starts = [(s, i) for s in sounds for i in range(0, max(1, len(s) - length + 1), length // 2)]
        chosen = np.unique(np.linspace(0, len(starts) - 1, min(count, len(starts))).astype(int))
        pieces = [sound[first : first + length] for sound, first in (starts[int(i)] for i in chosen)]
        disturbed = [pseudo_anomaly(piece, kind, rng) for piece in pieces for kind in HELD_OUT_KINDS]
        levels = [_segments(sound, front_end) for sound in (*pieces, *disturbed)]
        return cls(levels, [True] * len(pieces) + [False] * len(disturbed), v_sat)

    def evaluate(
        self,
        circuit: Circuit,
        code: DeltaCode,
        *,
        imperfection: Imperfection | None = None,
        chip: int = 0,
        pooling: Pooling | None = None,
    ) -> tuple[float, Pooling]:
        """Compute the AUC between normal sound and pseudo-anomalies, on the network as the chip would run it.

        Args:
            circuit, code: the student.
            imperfection, chip: of the chip it runs on; a perfect one by default.
            pooling: to score with, of the perfect chip for instance; fitted here by default.

        Returns:
            The AUC and the pooling.
        """
        student = StudentDetector(
            code, circuit.to_network(), self.v_sat, imperfection=imperfection, chip=chip
        )
        errors = self._errors(student)
        if pooling is None:
            seconds = [s for e, is_normal in zip(errors, self.normal, strict=True) if is_normal for s in e]
            pooling = fit_pooling(seconds, "count")
        scores = [soft_maximum(np.array([pooling.second(s).score for s in e])) for e in errors]
        return float(roc_auc_score(~np.array(self.normal), scores)), pooling

    def _errors(self, student: StudentDetector) -> list[Seconds]:
        """Return the spike counts of each second of each window; segments of one length run side by side."""
        found: list[dict[int, Seconds]] = [{} for _ in self.levels]
        by_length: dict[int, list[tuple[int, int]]] = {}
        for window, segments in enumerate(self.levels):
            for number, levels in enumerate(segments):
                by_length.setdefault(len(levels), []).append((window, number))
        for same in by_length.values():
            for first in range(0, len(same), _MAX_STREAMS):
                part = same[first : first + _MAX_STREAMS]
                counts = _run(student, np.stack([self.levels[window][number] for window, number in part]))
                for (window, number), seconds in zip(part, counts, strict=True):
                    found[window][number] = seconds
        return [[s for number in sorted(window) for s in window[number]] for window in found]


def _run(student: StudentDetector, levels: Centibels) -> list[Seconds]:
    """Run a student on segments [streams, frames, bands]; return the spike counts of each second of each."""
    student.reset(len(levels))
    by_second = []
    for second in range(len(levels[0])):
        if frames_before(second + 1) > levels.shape[1]:
            break
        counts = student.push(levels[:, frames_before(second) : frames_before(second + 1)])
        by_second.append(counts[:, WARM_UP_FRAMES:] if second == 0 else counts)
    return [[counts[stream] for counts in by_second] for stream in range(len(levels))]


def _segments(sound: Samples, front_end: FrontEnd) -> list[Centibels]:
    levels = segment_levels(sound, front_end)
    if front_end.level_normalise and len(levels):
        levels = LevelNormaliser(len(levels)).push(levels)
    seconds = len(sound) // SAMPLE_RATE_HZ
    lengths = [min(front_end.reset_s, seconds - start) for start in range(0, seconds, front_end.reset_s)]
    return [part[: frames_before(length)] for part, length in zip(levels, lengths, strict=True)]
