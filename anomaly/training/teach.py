"""The teacher and its calibration: fitted on all recordings, judged on sound that it was not fitted on.

Where there are recordings enough, teachers of a third left out in turn score what they never heard, and the
teacher itself learns from everything (cross-fitting; CV+ of Barber et al. 2021). Where there are few, the held-out
part of the material judges, and nothing is fitted on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from anomaly.detect.calibration import Calibration
from anomaly.detect.operating import OperatingStates
from anomaly.detect.scoring import recording_errors
from anomaly.detect.teacher import TeacherDetector
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import Centibels
from anomaly.progress import Report
from anomaly.teacher.augment import augment
from anomaly.teacher.export import to_onnx
from anomaly.teacher.fit import TeacherPlan, fit_teacher, surprise
from anomaly.teacher.network import Teacher
from anomaly.training.calibrated import calibrated, calibrated_on, decided_seconds
from anomaly.training.material import Block, Material, block_segments, sample_segments
from anomaly.training.profiles import Profile

FOLDS = 3
_FOLDED_FROM = 2 * FOLDS


@dataclass(frozen=True, eq=False)
class Taught:
    """A teacher that can be used.

    Args:
        onnx: the model's bytes.
        calibration: what normal sound scores.
        gain_nats: by how much training foretold a band of sound it never had better than the linear model it starts
            from, mean over a frame's bands; None if too few recordings tell. Without a gain the linear model is kept.
    """

    onnx: bytes
    calibration: Calibration
    gain_nats: float | None


def teach(
    material: Material,
    front_end: FrontEnd,
    chosen: Profile,
    *,
    seed: int,
    states: OperatingStates | None = None,
    report: Report = lambda _stage, _share: None,
) -> Taught:
    """Train a teacher and calibrate it.

    Args:
        material: normal sound, split.
        front_end, chosen: how to listen, how much effort.
        seed: of weights, order, noise and augmentation.
        states: of the machine, if they are known: what normal sound scores rests on the seconds that are decided upon.
        report: told the share that is done, as stage "teaching".

    Raises:
        ModelError: an exported teacher does not agree with torch.
    """
    lessons = _Lessons(front_end, chosen, seed)
    folds = _folds((*material.training, *material.held_out), seed)
    report("teaching", 0.0)
    if not folds:
        onnx = to_onnx(lessons.teacher(material.training, chosen.teacher))
        judged = calibrated(TeacherDetector(onnx), "log", front_end, material.held_out, states)
        return Taught(onnx, judged, None)
    pairs: list[tuple[Teacher, Teacher]] = []
    for number, fold in enumerate(folds):
        others = [block for other in folds if other is not fold for block in other]
        linear = lessons.teacher(others, replace(chosen.teacher, epochs=0))
        pairs.append((linear, lessons.teacher(others, chosen.teacher)))
        report("teaching", (number + 1) / (len(folds) + 1))
    unseen = [block_segments(fold, front_end) for fold in folds]
    gain = float(np.mean([surprise(a, u) - surprise(b, u) for (a, b), u in zip(pairs, unseen, strict=True)]))
    plan = chosen.teacher if gain > 0 else replace(chosen.teacher, epochs=0)
    judges = [TeacherDetector(to_onnx(pair[gain > 0])) for pair in pairs]
    errors = [
        recording_errors(block.samples, front_end, judge)
        for judge, fold in zip(judges, folds, strict=True)
        for block in fold
    ]
    everything = [block for fold in folds for block in fold]
    onnx = to_onnx(lessons.teacher(everything, plan))
    report("teaching", 1.0)
    return Taught(onnx, calibrated_on(errors, "log", decided_seconds(everything, front_end, states)), gain)


@dataclass(frozen=True)
class _Lessons:
    front_end: FrontEnd
    chosen: Profile
    seed: int

    def teacher(self, blocks: Sequence[Block], plan: TeacherPlan) -> Teacher:
        segments: list[Centibels] = block_segments(blocks, self.front_end)
        rng = np.random.default_rng([self.seed, 3])
        for _ in range(self.chosen.augmented if plan.epochs else 0):
            for block in blocks:
                segments += sample_segments(augment(block.samples, rng), self.front_end)
        return fit_teacher(segments, plan, seed=self.seed)


def _folds(blocks: Sequence[Block], seed: int) -> list[list[Block]]:
    """Blocks in thirds, those of one recording together; empty where recordings are too few.

    Drawn, not counted off: recordings that go through the machine's speeds in turn would leave out a whole speed.
    """
    names = sorted({block.recording for block in blocks})
    if len(names) < _FOLDED_FROM:
        return []
    drawn = [names[i] for i in np.random.default_rng([seed, 5]).permutation(len(names))]
    return [[b for b in blocks if b.recording in set(drawn[part::FOLDS])] for part in range(FOLDS)]
