"""Standardisation and calibration of a detector from sound that it was not fitted on."""

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

# With fewer recordings than this, stretches of them are left out in turn.
_FOLDED_FROM, _STRETCHES, _MOST_FOLDS = 3, 4, 20


def calibrated(
    detector: Detector,
    scale: Scale,
    front_end: FrontEnd,
    held_out: tuple[TrainingBlock, ...],
    states: OperatingStates | None = None,
) -> Calibration:
    """Standardise and calibrate a detector on held-out normal sound.

    The scores that probabilities rest on are cross-fitted: those of a recording come from a pooling that was
    fitted without it. Scored with their own pooling, they would be lower than those of sound never heard, and
    every probability too small.

    Args:
        detector, scale, front_end: what scores, and how.
        held_out: sound that the detector was not fitted on.
        states: of the machine; probabilities and limit then rest on the seconds that the decision takes.
    """
    errors = [recording_errors(b.samples, front_end, detector) for b in held_out]
    return calibrated_on(errors, scale, decided_seconds(held_out, front_end, states))


def decided_seconds(
    blocks: Sequence[TrainingBlock], front_end: FrontEnd, states: OperatingStates | None
) -> list[list[bool]] | None:
    """Which seconds of each block the decision takes; None, for all of them, where no states are known."""
    if states is None:
        return None
    return [recording_decision_mask(states, second_spectra(block.samples, front_end)) for block in blocks]


def calibrated_on(
    errors: Sequence[Sequence[Any]], scale: Scale, decided: Sequence[Sequence[bool]] | None = None
) -> Calibration:
    """Standardise and calibrate on the error levels of recordings that the detector was not fitted on.

    The standardisation, and with it every score, rests on all of them. What the decision never takes, such as a
    machine at rest, says nothing of how often it errs: probabilities and limit rest on the others, if there are any.

    Args:
        errors: per recording and second, each [frames, kinds * groups].
        scale: of the levels.
        decided: per recording and second, whether the decision takes it; all of them by default.
    """
    pooling = fit_pooling([second for recording in errors for second in recording], scale)
    scores = [[0.0] * len(recording) for recording in errors]
    for fold in _folds([len(recording) for recording in errors]):
        apart = [
            errors[r][k] for r in range(len(errors)) for k in range(len(errors[r])) if (r, k) not in fold
        ]
        own = fit_pooling(apart, scale) if apart else pooling
        for r, k in fold:
            scores[r][k] = own.second(errors[r][k]).score
    if decided is not None:
        judged = [list(compress(part, takes)) for part, takes in zip(scores, decided, strict=True)]
        scores = judged if any(judged) else scores
    return calibrate(pooling, scores)


def _folds(seconds: list[int]) -> list[set[tuple[int, int]]]:
    """Seconds, as (recording, second), that are left out together: recordings, or stretches where those are few."""
    if len(seconds) >= _FOLDED_FROM:
        groups = min(len(seconds), _MOST_FOLDS)
        return [
            {(r, k) for r in range(g, len(seconds), groups) for k in range(seconds[r])} for g in range(groups)
        ]
    return [
        {(r, k) for k in range(count * part // _STRETCHES, count * (part + 1) // _STRETCHES)}
        for r, count in enumerate(seconds)
        for part in range(_STRETCHES)
    ]
