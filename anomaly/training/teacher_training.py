"""The teacher and its calibration: fitted on all recordings, judged on sound that it was not fitted on.

Where there are recordings enough, teachers of a third left out in turn score what they never heard, and the
teacher itself learns from everything (cross-fitting; CV+ of Barber et al. 2021). Where there are few, the held-out
part of the material judges, and nothing is fitted on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.detect.operating.states import OperatingStates
from anomaly.detect.scoring import recording_errors
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import Centibels
from anomaly.progress import Report
from anomaly.teacher.augment import augment
from anomaly.teacher.export import to_onnx
from anomaly.teacher.fit import TeacherPlan, fit_teacher, innovation_nll, phase_gain_of_recordings
from anomaly.teacher.network import Teacher
from anomaly.teacher.phases import MAX_PHASES, MIN_PHASE_GAIN_NATS
from anomaly.training.detector_calibration import calibrated, calibrated_on, decided_seconds
from anomaly.training.profiles import TrainingProfile
from anomaly.training.training_data import TrainingBlock, TrainingData, block_segments, sample_segments

FOLDS = 3
_FOLDED_FROM = 2 * FOLDS


@dataclass(frozen=True, eq=False)
class TrainedTeacher:
    """A teacher that can be used.

    Args:
        onnx: the model's bytes.
        calibration: what normal sound scores.
        gain_nats: by how much training foretold a band of sound it never had better than the linear model it starts
            from, mean over a frame's bands; None if too few recordings tell. Without a gain the linear model is kept.
        phases_gain_nats: by how much phases of the machine's cycle foretold a band of sound unlike that they were found
            in better than one Gaussian, mean over a window; None likewise. Without a clear gain there are no phases.
    """

    onnx: bytes
    calibration: Calibration
    gain_nats: float | None
    phases_gain_nats: float | None = None

    @property
    def phases(self) -> bool:
        """Whether the machine's cycle has phases."""
        return clear(self.phases_gain_nats)


def train_teacher(
    material: TrainingData,
    front_end: FrontEnd,
    chosen: TrainingProfile,
    *,
    seed: int,
    states: OperatingStates | None = None,
    report: Report = lambda _stage, _share: None,
) -> TrainedTeacher:
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
    lessons = _TeacherTrainer(front_end, chosen, seed)
    folds = _folds((*material.training, *material.held_out), seed)
    report("teaching", 0.0)
    if folds:
        return _cross_fitted(lessons, folds, states, report)
    onnx = to_onnx(lessons.teacher(material.training, chosen.teacher))
    return TrainedTeacher(
        onnx, calibrated(TeacherDetector(onnx), "log", front_end, material.held_out, states), None
    )


def _cross_fitted(
    lessons: _TeacherTrainer,
    folds: Sequence[Sequence[TrainingBlock]],
    states: OperatingStates | None,
    report: Report,
) -> TrainedTeacher:
    """A teacher of all folds, judged by those of all but one."""
    front_end, everything = lessons.front_end, [block for fold in folds for block in fold]
    told = phases_gain(everything, front_end, lessons.chosen, seed=lessons.seed)
    plan = replace(lessons.chosen.teacher, phases=MAX_PHASES if clear(told) else 1)
    start = replace(plan, epochs=0)
    pairs: list[tuple[Teacher, Teacher]] = []
    for number, fold in enumerate(folds):
        others = [block for other in folds if other is not fold for block in other]
        pairs.append((lessons.teacher(others, start), lessons.teacher(others, plan)))
        report("teaching", (number + 1) / (len(folds) + 1))
    unseen = [block_segments(fold, front_end) for fold in folds]
    gains = [innovation_nll(a, u) - innovation_nll(b, u) for (a, b), u in zip(pairs, unseen, strict=True)]
    gain = float(np.mean(gains))
    judges = [TeacherDetector(to_onnx(pair[gain > 0])) for pair in pairs]
    errors = [
        recording_errors(block.samples, front_end, judge)
        for judge, fold in zip(judges, folds, strict=True)
        for block in fold
    ]
    onnx = to_onnx(lessons.teacher(everything, plan if gain > 0 else start))
    report("teaching", 1.0)
    judged = calibrated_on(errors, "log", decided_seconds(everything, front_end, states))
    return TrainedTeacher(onnx, judged, gain, told)


@dataclass(frozen=True)
class _TeacherTrainer:
    front_end: FrontEnd
    chosen: TrainingProfile
    seed: int

    def teacher(self, blocks: Sequence[TrainingBlock], plan: TeacherPlan) -> Teacher:
        segments: list[Centibels] = block_segments(blocks, self.front_end)
        rng = np.random.default_rng([self.seed, 3])
        for _ in range(self.chosen.augmented if plan.epochs else 0):
            for block in blocks:
                segments += sample_segments(augment(block.samples, rng), self.front_end)
        return fit_teacher(segments, plan, seed=self.seed)


def phases_gain(
    blocks: Sequence[TrainingBlock], front_end: FrontEnd, chosen: TrainingProfile, *, seed: int
) -> float | None:
    """By how much phases of the machine's cycle foretell its sound better than one Gaussian, in nats of a band.

    None if too few recordings tell.
    """
    recordings = _by_recording(blocks, front_end)
    if len(recordings) < _FOLDED_FROM:
        return None
    return phase_gain_of_recordings(recordings, chosen.teacher.size, seed)


def clear(gain_nats: float | None) -> bool:
    """Whether so much says that there are phases."""
    return gain_nats is not None and gain_nats > MIN_PHASE_GAIN_NATS


def _by_recording(blocks: Sequence[TrainingBlock], front_end: FrontEnd) -> list[list[Centibels]]:
    found: dict[str, list[Centibels]] = {}
    for block in blocks:
        found.setdefault(block.recording, []).extend(sample_segments(block.samples, front_end))
    return [found[name] for name in sorted(found)]


def _folds(blocks: Sequence[TrainingBlock], seed: int) -> list[list[TrainingBlock]]:
    """Blocks in thirds, those of one recording together; empty where recordings are too few.

    Drawn, not counted off: recordings that go through the machine's speeds in turn would leave out a whole speed.
    """
    names = sorted({block.recording for block in blocks})
    if len(names) < _FOLDED_FROM:
        return []
    drawn = [names[i] for i in np.random.default_rng([seed, 5]).permutation(len(names))]
    return [[b for b in blocks if b.recording in set(drawn[part::FOLDS])] for part in range(FOLDS)]
