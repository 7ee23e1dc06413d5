"""Which of two students is better, without a label: normal sound against pseudo-anomalies made from it.

Which recordings, the caller says: held-out ones, by which all have their thresholds, tell layouts apart; a fifth of
the training ones, on which nothing was distilled, tells whether distillation did harm. Two kinds of pseudo-anomalies,
knocks and chirps, are never trained on.
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

_CHECK_S = 5
_CHECKED_EVERY, _CHECKED_FROM = 5, 2
_STREAMS = 64

Seconds = list[npt.NDArray[np.int32]]


def validation_split(training: Sequence[Samples]) -> tuple[list[Samples], list[Samples]]:
    """Sounds to train on and sounds for the criterion, every fifth; where there are too few, all serve for both."""
    checked = list(training[_CHECKED_FROM::_CHECKED_EVERY])
    if not checked:
        return list(training), list(training)
    rest = [sound for index, sound in enumerate(training) if index % _CHECKED_EVERY != _CHECKED_FROM]
    return rest, checked


@dataclass(frozen=True, eq=False)
class Criterion:
    """Checks, heard by the front end once and by every student that is judged.

    Args:
        levels: of each check, one array [frames, bands] for each of its segments.
        normal: whether each check is normal.
        v_sat: membrane limit of the chip.
    """

    levels: list[list[Centibels]]
    normal: list[bool]
    v_sat: int

    @classmethod
    def of(
        cls, sounds: Sequence[Samples], count: int, front_end: FrontEnd, v_sat: int, *, seed: int
    ) -> Criterion:
        """Cut windows of five seconds, half overlapping, and disturb each with every kind.

        Args:
            sounds: normal sound, float32, 16 kHz.
            count: windows, at most.
            front_end, v_sat: how students listen.
            seed: of the pseudo-anomalies.
        """
        rng = np.random.default_rng([seed, 2])
        length = _CHECK_S * SAMPLE_RATE_HZ
        starts = [(s, i) for s in sounds for i in range(0, max(1, len(s) - length + 1), length // 2)]
        chosen = np.unique(np.linspace(0, len(starts) - 1, min(count, len(starts))).astype(int))
        pieces = [sound[first : first + length] for sound, first in (starts[int(i)] for i in chosen)]
        disturbed = [pseudo_anomaly(piece, kind, rng) for piece in pieces for kind in HELD_OUT_KINDS]
        levels = [_segments(sound, front_end) for sound in (*pieces, *disturbed)]
        return cls(levels, [True] * len(pieces) + [False] * len(disturbed), v_sat)

    def judge(
        self,
        circuit: Circuit,
        code: DeltaCode,
        *,
        imperfection: Imperfection | None = None,
        chip: int = 0,
        pooling: Pooling | None = None,
    ) -> tuple[float, Pooling]:
        """AUC between normal sound and pseudo-anomalies, on the network as the chip would run it.

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
        """Spike counts of each second of each check; segments of one length run side by side."""
        found: list[dict[int, Seconds]] = [{} for _ in self.levels]
        places: dict[int, list[tuple[int, int]]] = {}
        for check, segments in enumerate(self.levels):
            for number, levels in enumerate(segments):
                places.setdefault(len(levels), []).append((check, number))
        for same in places.values():
            for first in range(0, len(same), _STREAMS):
                part = same[first : first + _STREAMS]
                heard = _run(student, np.stack([self.levels[check][number] for check, number in part]))
                for (check, number), seconds in zip(part, heard, strict=True):
                    found[check][number] = seconds
        return [[s for number in sorted(check) for s in check[number]] for check in found]


def _run(student: StudentDetector, levels: Centibels) -> list[Seconds]:
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
