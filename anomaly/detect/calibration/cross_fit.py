"""Cross-fitted calibration: no second is scored with a standardisation that was fitted on it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any

from anomaly.detect.calibration.calibration import Calibration, calibrate
from anomaly.detect.pooling import SUB_BAND_GROUPS, Scale, fit_pooling

# With fewer recordings than this, the folds are stretches of recordings.
_LEAST_RECORDINGS_TO_FOLD = 3
_STRETCHES_PER_RECORDING = 4
_MOST_FOLDS = 20


def calibrate_on_errors(
    errors: Sequence[Sequence[Any]],
    scale: Scale,
    decided: Sequence[Sequence[bool]] | None = None,
    groups: int = SUB_BAND_GROUPS,
    shares: Sequence[float] | None = None,
) -> Calibration:
    """Standardise and calibrate on the error levels of recordings that the detector was not fitted on.

    The scores that probabilities rest on are cross-fitted: those of a recording come from a pooling that was fitted
    without it. Scored with their own pooling they would be lower than those of new sound, and every probability too
    small. The standardisation itself rests on all seconds. Seconds that the decision never takes, such as those of a
    machine at rest, are left out of the scores, unless there are no others.

    Args:
        errors: per recording and second, each [frames, kinds * groups].
        scale: of the levels.
        decided: per recording and second, whether the decision takes it; default: all.
        groups: sub-band groups of the levels.
        shares: weights of the kinds of error; see `fit_pooling`.
    """
    pooling = fit_pooling([second for recording in errors for second in recording], scale, groups, shares)
    scores = [[0.0] * len(recording) for recording in errors]
    for fold in _folds([len(recording) for recording in errors]):
        others = [
            errors[r][k] for r in range(len(errors)) for k in range(len(errors[r])) if (r, k) not in fold
        ]
        own = fit_pooling(others, scale, groups, shares) if others else pooling
        for r, k in fold:
            scores[r][k] = own.second(errors[r][k]).score
    if decided is not None:
        taken = [list(compress(part, takes)) for part, takes in zip(scores, decided, strict=True)]
        scores = taken if any(taken) else scores
    return calibrate(pooling, scores)


def _folds(seconds: list[int]) -> list[set[tuple[int, int]]]:
    """Return the folds as sets of (recording, second): recordings, or stretches of them where those are few."""
    if len(seconds) >= _LEAST_RECORDINGS_TO_FOLD:
        groups = min(len(seconds), _MOST_FOLDS)
        return [
            {(r, k) for r in range(g, len(seconds), groups) for k in range(seconds[r])} for g in range(groups)
        ]
    parts = _STRETCHES_PER_RECORDING
    return [
        {(r, k) for k in range(count * part // parts, count * (part + 1) // parts)}
        for r, count in enumerate(seconds)
        for part in range(parts)
    ]
