"""Settings of distillation, and what stays the same while a student is distilled."""

from __future__ import annotations

from dataclasses import dataclass

from anomaly.detect.detectors.detector import Detector
from anomaly.detect.pooling import Pooling
from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.front_end import FrontEnd
from anomaly.student.neuron_limits import NeuronLimits


@dataclass(frozen=True)
class DistilPlan:
    """Effort of a distillation, and the gaps that it requires.

    Args:
        windows: two-second training windows, half of them disturbed.
        steps: gradient steps.
        batch: windows a step.
        validation_windows: five-second windows of other recordings for the criterion, and as many for the
            teacher-student gap.
        min_gap: teacher-student gap (AUC) from which on training by gradients is tried.
        min_phase_gap: gap from which on a phase-gated student is tried before.
        min_sound_s: seconds of sound below which the gap is meaningless: a teacher is ahead on sound that it was fitted
            on, the more so the less there was.
    """

    windows: int = 384
    steps: int = 60
    batch: int = 32
    validation_windows: int = 48
    min_gap: float = 0.14
    min_phase_gap: float = 0.08
    min_sound_s: float = 90.0


@dataclass(frozen=True)
class DistillationSetup:
    """Everything that stays the same while a student is distilled.

    Args:
        front_end, code, limits: of the student.
        teacher, teacher_pooling: the teacher, and its standardisation on held-out sound.
    """

    front_end: FrontEnd
    code: DeltaCode
    limits: NeuronLimits
    teacher: Detector
    teacher_pooling: Pooling
