"""Training: from recordings to a verified bundle, by way of teacher, student, chip and calibration."""

from anomaly.student.budget import Budget, energy_calibration
from anomaly.training.in_memory import train_on_clips
from anomaly.training.pipeline import TrainingRequest, TrainingResult, train
from anomaly.training.student_training import StudentConstraints

__all__ = [
    "Budget",
    "StudentConstraints",
    "TrainingRequest",
    "TrainingResult",
    "energy_calibration",
    "train",
    "train_on_clips",
]
