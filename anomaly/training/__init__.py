"""From recordings to a verified bundle: teacher, student, chip, calibration, in that order."""

from anomaly.student.budget import Budget, energy_calibration
from anomaly.training.clips import train_on_clips
from anomaly.training.learn import Order
from anomaly.training.pipeline import Trained, TrainingRequest, train

__all__ = [
    "Budget",
    "Order",
    "Trained",
    "TrainingRequest",
    "energy_calibration",
    "train",
    "train_on_clips",
]
