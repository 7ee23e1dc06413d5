"""Standardisation and calibration of a detector on sound that it was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any

from anomaly.detect.calibration.calibration import Calibration, calibrate
from anomaly.detect.decision_mask import recording_decision_mask
from anomaly.detect.detectors.detector import Detector
from anomaly.detect.operating.states import OperatingStates, second_spectra
from anomaly.detect.pooling import Scale, fit_pooling
from anomaly.detect.scoring import recording_errors
from anomaly.features.front_end import FrontEnd
from anomaly.training.training_data import TrainingBlock

# Cross-fitting: with fewer recordings than the first, each is cut into this many stretches; at most so many folds.
_MIN_RECORDINGS, _STRETCHES, _MAX_FOLDS = 3, 4, 20


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
    return calibrate_on_errors(errors, scale, decision_masks(held_out, front_end, states))


def decision_masks(
    blocks: Sequence[TrainingBlock], front_end: FrontEnd, states: OperatingStates | None
) -> list[list[bool]] | None:
    """Return the decision mask of each block, one value a second; None (all seconds) without operating states."""
    if states is None:
        return None
    return [recording_decision_mask(states, second_spectra(block.samples, front_end)) for block in blocks]


def calibrate_on_errors(
    errors: Sequence[Sequence[Any]], scale: Scale, decided: Sequence[Sequence[bool]] | None = None
) -> Calibration:
    """Standardise and calibrate on the error levels of recordings that the detector was not fitted on.

    The standardisation, and with it every score, rests on all seconds. Probabilities and limit rest on the seconds
    that pass the decision mask, if there are any: a machine at rest, which is never decided on, would dilute them.

    Args:
        errors: per recording and second, each [frames, kinds * groups].
        scale: scale of the levels.
        decided: decision mask per recording and second; all seconds by default.
    """
    pooling = fit_pooling([second for recording in errors for second in recording], scale)
    scores = [[0.0] * len(recording) for recording in errors]
    for fold in _folds([len(recording) for recording in errors]):
        others = [
            errors[r][k] for r in range(len(errors)) for k in range(len(errors[r])) if (r, k) not in fold
        ]
        without_fold = fit_pooling(others, scale) if others else pooling
        for r, k in fold:
            scores[r][k] = without_fold.second(errors[r][k]).score
    if decided is not None:
        masked = [list(compress(part, mask)) for part, mask in zip(scores, decided, strict=True)]
        scores = masked if any(masked) else scores
    return calibrate(pooling, scores)


def _folds(seconds: list[int]) -> list[set[tuple[int, int]]]:
    """Folds of cross-fitting as sets of (recording, second): recordings, or stretches where recordings are few."""
    if len(seconds) >= _MIN_RECORDINGS:
        groups = min(len(seconds), _MAX_FOLDS)
        return [
            {(r, k) for r in range(g, len(seconds), groups) for k in range(seconds[r])} for g in range(groups)
        ]
    return [
        {(r, k) for k in range(count * part // _STRETCHES, count * (part + 1) // _STRETCHES)}
        for r, count in enumerate(seconds)
        for part in range(_STRETCHES)
    ]
