"""From recordings to a verified bundle: teacher, student, chip, calibration, in that order."""

from anomaly.training.clips import train_on_clips
from anomaly.training.pipeline import Trained, TrainingRequest, train

__all__ = ["Trained", "TrainingRequest", "train", "train_on_clips"]
