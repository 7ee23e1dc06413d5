"""Error filters that are distilled from a teacher: the linear filters nearest to its signed errors.

With t the taps of a frame (its levels and those of the frames before it, in events) and e the teacher's whitened
innovation, clipped::

    W = E[e t^T] (E[t t^T] + ridge diag E[t^2])^-1

A teacher predicts each frame from more of the past than the student has, and weighs quiet moments more. The filters
keep of that what a linear filter can hold. They are drawn half-way to the whitening filters of the sound alone, which
costs least where background is new (docs/student.md has the figures). Outputs have a variance of one: thresholds follow
them anyway.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.mel import Centibels
from anomaly.student.arrays import Floats
from anomaly.student.closed_form.level_moments import EVENT_VARIANCE, stack_taps

# Signed errors of a teacher for each training segment, [frames, bands]; NaN where its past was not known.
TeacherErrors = Sequence[npt.NDArray[np.float32]]

# Share of each tap's power that is added to it, and share of the filters that the sound alone gives.
_RIDGE = 0.1
_ALONE = 0.5
# Deviations beyond which the teacher's errors count no more: a few bangs must not set the filters.
_CLIP = 4.0


def fit_taught_filters(
    training: Sequence[Centibels], errors: TeacherErrors, code: DeltaCode, alone: Floats
) -> Floats:
    """Fit a filter for each band to the teacher's error there, [bands, taps], in units per event.

    Args:
        training: segments of normal sound, levels [frames, bands].
        errors: the teacher's for each segment.
        code: encoder settings.
        alone: whitening filters of the sound alone, [bands, taps], in units per event.
    """
    delays = alone.shape[1] // code.bands - 1
    cross, gram, frames = _moments(training, errors, code, delays)
    gram = gram / max(frames, 1) + EVENT_VARIANCE * np.eye(len(gram))
    power = np.sqrt(np.diag(gram))
    relative = gram / np.outer(power, power) + _RIDGE * np.eye(len(gram))
    filters = np.linalg.solve(relative, (cross / max(frames, 1) / power).T).T / power
    return _unit(_ALONE * _unit(alone, gram) + (1 - _ALONE) * _unit(filters, gram), gram)


def _unit(filters: Floats, gram: Floats) -> Floats:
    """Scale filters to outputs of variance one."""
    variance = np.einsum("rt,ts,rs->r", filters, gram, filters)
    return np.asarray(filters / np.sqrt(np.maximum(variance, 1e-12))[:, None])


def agreement(
    segments: Sequence[Centibels],
    errors: TeacherErrors,
    code: DeltaCode,
    filters: Floats,
    band_stride: int = 1,
) -> float:
    """Return the mean correlation over bands of filter outputs with a teacher's clipped errors, -1 to 1.

    Args:
        segments, errors, code: as of `fit_taught_filters`, of sound that the filters were not fitted on.
        filters: of every `band_stride`-th band, [bands, taps].
        band_stride: every how many bands have a filter.
    """
    delays = filters.shape[1] // code.bands - 1
    cross, gram, frames = _moments(segments, errors, code, delays)
    power = np.zeros(code.bands)
    for _, clipped in _pairs(segments, errors, code, delays):
        power += np.square(clipped).sum(axis=0)
    ours = np.einsum("rt,ts,rs->r", filters, gram, filters)
    both, power = np.einsum("rt,rt->r", cross[::band_stride], filters), power[::band_stride]
    return float(np.mean(both / np.sqrt(np.maximum(ours * power, 1e-12)))) if frames else 0.0


def _moments(
    segments: Sequence[Centibels], errors: TeacherErrors, code: DeltaCode, delays: int
) -> tuple[Floats, Floats, int]:
    """Sum errors times taps [bands, taps] and taps times taps, and count the frames."""
    taps = code.bands * (delays + 1)
    cross, gram, frames = np.zeros((code.bands, taps)), np.zeros((taps, taps)), 0
    for stacked, clipped in _pairs(segments, errors, code, delays):
        cross += clipped.T @ stacked
        gram += stacked.T @ stacked
        frames += len(stacked)
    return cross, gram, frames


def _pairs(
    segments: Sequence[Centibels], errors: TeacherErrors, code: DeltaCode, delays: int
) -> list[tuple[Floats, Floats]]:
    """Pair the taps of each frame with the teacher's clipped errors of it."""
    pairs = []
    for segment, of_teacher in zip(segments, errors, strict=True):
        known = np.flatnonzero(np.isfinite(of_teacher).all(axis=1))
        first = max(delays, int(known[0]) if len(known) else len(segment))
        if first < len(segment):
            taps = stack_taps([(segment[first - delays :] - code.mean) / code.threshold], delays)
            pairs.append((taps, np.clip(of_teacher[first:].astype(np.float64), -_CLIP, _CLIP)))
    return pairs
