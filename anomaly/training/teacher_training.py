"""Training and calibration of the teacher, each score of the calibration from sound it was not fitted on.

With enough recordings the calibration is cross-fitted (CV+ of Barber et al., Ann. Statist. 49, 2021): three teachers,
each without a third of the recordings, score the third left out, and the final teacher is fitted on everything. With
fewer recordings the calibration rests on the held-out part, and nothing is fitted on that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.calibration.cross_fit import calibrate_on_errors
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
from anomaly.training.detector_calibration import calibrate_detector, decision_masks
from anomaly.training.profiles import TrainingProfile
from anomaly.training.training_data import (
    MIN_RECORDINGS_TO_FOLD,
    TrainingBlock,
    TrainingData,
    block_segments,
    recording_folds,
    sample_segments,
)


@dataclass(frozen=True, eq=False)
class TrainedTeacher:
    """A trained teacher with its calibration.

    Args:
        onnx: the model's bytes.
        calibration: calibration on normal sound.
        gain_nats: log-likelihood gain on unseen sound over the linear model that training starts from, per band, mean
            over a frame; None with too few recordings. Without a gain the linear model is kept.
        phases_gain_nats: log-likelihood gain of phases of the machine's cycle over one Gaussian on unseen sound, per
            band, mean over a window; None likewise. Without a clear gain there are no phases.
    """

    onnx: bytes
    calibration: Calibration
    gain_nats: float | None
    phases_gain_nats: float | None = None

    @property
    def phases(self) -> bool:
        """Return whether the machine's cycle has phases."""
        return is_clear_gain(self.phases_gain_nats)


def train_teacher(
    data: TrainingData,
    front_end: FrontEnd,
    profile: TrainingProfile,
    *,
    seed: int,
    states: OperatingStates | None = None,
    report: Report = lambda _stage, _share: None,
) -> TrainedTeacher:
    """Train a teacher and calibrate it.

    Args:
        data: normal sound, split into training and held-out part.
        front_end: front end before the teacher.
        profile: training effort.
        seed: of weights, order, noise and augmentation.
        states: operating states of the machine, if known; the calibration then rests on the seconds that pass the
            decision mask.
        report: gain_of_phases the share that is done, as stage "teaching".

    Raises:
        ModelError: an exported teacher does not agree with torch.
    """
    trainer = _TeacherTrainer(front_end, profile, seed)
    folds = recording_folds((*data.training, *data.held_out), seed)
    report("teaching", 0.0)
    if folds:
        return _cross_fit(trainer, folds, states, report)
    onnx = to_onnx(trainer.teacher(data.training, profile.teacher))
    return TrainedTeacher(
        onnx, calibrate_detector(TeacherDetector(onnx), "log", front_end, data.held_out, states), None
    )


def _cross_fit(
    trainer: _TeacherTrainer,
    folds: Sequence[Sequence[TrainingBlock]],
    states: OperatingStates | None,
    report: Report,
) -> TrainedTeacher:
    """Train on all folds, and calibrate on the scores that teachers of all folds but one give to that one."""
    front_end, everything = trainer.front_end, [block for fold in folds for block in fold]
    gain_of_phases = phases_gain(everything, front_end, trainer.profile, seed=trainer.seed)
    plan = replace(trainer.profile.teacher, max_phases=MAX_PHASES if is_clear_gain(gain_of_phases) else 1)
    start = replace(plan, epochs=0)
    linear_and_trained: list[tuple[Teacher, Teacher]] = []
    for number, fold in enumerate(folds):
        others = [block for other in folds if other is not fold for block in other]
        linear_and_trained.append((trainer.teacher(others, start), trainer.teacher(others, plan)))
        report("teaching", (number + 1) / (len(folds) + 1))
    unseen = [block_segments(fold, front_end) for fold in folds]
    pairs = list(zip(linear_and_trained, unseen, strict=True))
    gain = float(
        np.mean([innovation_nll(linear, u) - innovation_nll(trained, u) for (linear, trained), u in pairs])
    )
    fold_teachers = [TeacherDetector(to_onnx(pair[gain > 0])) for pair in linear_and_trained]
    errors = [
        recording_errors(block.samples, front_end, teacher)
        for teacher, fold in zip(fold_teachers, folds, strict=True)
        for block in fold
    ]
    onnx = to_onnx(trainer.teacher(everything, plan if gain > 0 else start))
    report("teaching", 1.0)
    masks = decision_masks(everything, front_end, states)
    calibration = calibrate_on_errors(errors, "log", masks, shares=TeacherDetector(onnx).shares)
    return TrainedTeacher(onnx, calibration, gain, gain_of_phases)


@dataclass(frozen=True)
class _TeacherTrainer:
    front_end: FrontEnd
    profile: TrainingProfile
    seed: int

    def teacher(self, blocks: Sequence[TrainingBlock], plan: TeacherPlan) -> Teacher:
        segments: list[Centibels] = block_segments(blocks, self.front_end)
        rng = np.random.default_rng([self.seed, 3])
        for _ in range(self.profile.augmented if plan.epochs else 0):
            for block in blocks:
                segments += sample_segments(augment(block.samples, rng), self.front_end)
        return fit_teacher(segments, plan, seed=self.seed)


def phases_gain(
    blocks: Sequence[TrainingBlock], front_end: FrontEnd, profile: TrainingProfile, *, seed: int
) -> float | None:
    """Log-likelihood gain of phases of the machine's cycle over one Gaussian, in nats per band.

    None with too few recordings.
    """
    recordings = _by_recording(blocks, front_end)
    if len(recordings) < MIN_RECORDINGS_TO_FOLD:
        return None
    return phase_gain_of_recordings(recordings, profile.teacher.size, seed)


def is_clear_gain(gain_nats: float | None) -> bool:
    """Return whether a gain is large enough to assume phases."""
    return gain_nats is not None and gain_nats > MIN_PHASE_GAIN_NATS


def _by_recording(blocks: Sequence[TrainingBlock], front_end: FrontEnd) -> list[list[Centibels]]:
    found: dict[str, list[Centibels]] = {}
    for block in blocks:
        found.setdefault(block.recording, []).extend(sample_segments(block.samples, front_end))
    return [found[name] for name in sorted(found)]
