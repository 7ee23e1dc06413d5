"""Statistics of training levels: deviations of bands, and second moments over bands and delays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anomaly.features.mel import Centibels
from anomaly.student.arrays import Floats

# Variance of a level that is uniformly distributed within half an event up or down, in squared events.
EVENT_VARIANCE = 1 / 12
# Added to the second moments, so that they can be inverted where bands are constant.
_RIDGE = 1e-6


def level_deviations(levels: Floats) -> Floats:
    """Return the standard deviation of each band of levels [frames, bands], at least 1 hundredth of a decibel."""
    return np.asarray(np.maximum(levels.std(axis=0), 1.0))


def stack_taps(segments: Sequence[Floats], delays: int) -> Floats:
    """Stack each frame and those before it as taps, of all segments that are long enough, [frames, taps].

    Taps are numbered ``delay * bands + band``.
    """
    parts = [
        np.concatenate([s[delays - d : len(s) - d] for d in range(delays + 1)], axis=1)
        for s in segments
        if len(s) > delays
    ]
    return np.concatenate(parts)


def second_moments(segments: Sequence[Centibels], delays: int) -> Floats:
    """Return the second moments of standardised levels of a frame and those before it, [taps, taps]."""
    levels = np.concatenate(segments).astype(np.float64)
    mean, deviation = levels.mean(axis=0), level_deviations(levels)
    total, count = np.zeros(((delays + 1) * len(mean),) * 2), 0
    for segment in segments:
        if len(segment) > delays:
            taps = stack_taps([(segment - mean) / deviation], delays)
            total += taps.T @ taps
            count += len(taps)
    return np.asarray(total / max(count, 1) + _RIDGE * np.eye(len(total)))
