"""Standardisation and calibration of a detector on sound that it was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.calibration.cross_fit import calibrate_on_errors
from anomaly.detect.detectors.detector import Detector
from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.detect.operating.ramp import recording_decision_mask
from anomaly.detect.operating.states import OperatingStates, second_spectra
from anomaly.detect.pooling import Scale
from anomaly.detect.scoring import recording_errors
from anomaly.features.front_end import FrontEnd
from anomaly.training.training_data import TrainingBlock


def calibrate_detector(
    detector: Detector,
    scale: Scale,
    front_end: FrontEnd,
    held_out: tuple[TrainingBlock, ...],
    states: OperatingStates | None = None,
) -> Calibration:
    """Standardise and calibrate a detector on held-out normal sound.

    The scores behind the tail probabilities are cross-fitted: those of a recording come from a pooling fitted
    without it. A pooling fitted on the same recording would give scores lower than those of new sound, and every
    probability would be too small.

    Args:
        detector: detector to calibrate.
        scale: scale of its error levels.
        front_end: front end before it.
        held_out: normal sound that the detector was not fitted on.
        states: operating states of the machine; probabilities and limit then rest on the seconds that pass the
            decision mask.
    """
    errors = [recording_errors(b.samples, front_end, detector) for b in held_out]
    shares = detector.shares if isinstance(detector, TeacherDetector) else None
    return calibrate_on_errors(errors, scale, decision_masks(held_out, front_end, states), shares=shares)


def decision_masks(
    blocks: Sequence[TrainingBlock], front_end: FrontEnd, states: OperatingStates | None
) -> list[list[bool]] | None:
    """Return the decision mask of each block, one value a second; None (all seconds) without operating states."""
    if states is None:
        return None
    return [recording_decision_mask(states, second_spectra(block.samples, front_end)) for block in blocks]
