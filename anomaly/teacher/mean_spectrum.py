"""Whitening of the mean spectrum of the last seconds on normal sound, for one second, two, and so on.

A mean over more frames scatters less, but never less than the machine varies between recordings and speeds; the
covariance of the means themselves contains both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from anomaly.errors import ModelError
from anomaly.features.front_end import WARM_UP_FRAMES, frames_before
from anomaly.features.mel import Centibels
from anomaly.teacher.whitening import whitening

# Longest mean spectrum, in seconds: longer ones hardly improve detection, and delay it for a fault that begins later.
MAX_SPAN_S = 10
# Fewest spans that must fit side by side into the training sound for a covariance.
_MIN_WINDOWS = 20
# Frames from one mean to the next: about a second.
_STEP_FRAMES = 31

Floats = npt.NDArray[np.float64]


def mean_spectrum_whitening(
    segments: Sequence[Centibels], mean: Floats, deviation: Floats
) -> tuple[Tensor, Tensor]:
    """Fit means and ZCA matrices of the mean spectrum over one second, two, ..., as far as there is training sound.

    Args:
        segments: levels [frames, bands] of uninterrupted stretches, hundredths of a decibel.
        mean, deviation: standardisation of each band, [bands].

    Returns:
        Means [spans, bands] in hundredths of a decibel, and matrices [spans, bands, bands] for deviations from them.

    Raises:
        ModelError: fewer than two seconds of sound are left after the warm-up.
    """
    sums = [_running_sums((segment - mean) / deviation) for segment in segments]
    found = []
    for seconds in range(1, MAX_SPAN_S + 1):
        length = frames_before(seconds) - WARM_UP_FRAMES
        if seconds > 1 and sum((len(one) - 1) // length for one in sums) < _MIN_WINDOWS:
            break
        starts = [(one, first) for one in sums for first in range(0, len(one) - length, _STEP_FRAMES)]
        if len(starts) < 2:
            raise ModelError("the training sound is too short for a mean over one second")
        found.append(whitening(np.stack([(one[at + length] - one[at]) / length for one, at in starts])))
    centre, scale = (torch.from_numpy(one.astype(np.float32)) for one in (mean, deviation))
    locations, matrices = zip(*found, strict=True)
    return torch.stack(locations) * scale + centre, torch.stack(matrices) / scale[:, None]


def _running_sums(frames: Floats) -> Floats:
    """Compute the sums over the frames after the warm-up, from none of them to all, [frames + 1, bands]."""
    counted = frames[WARM_UP_FRAMES:]
    return np.concatenate([np.zeros((1, frames.shape[1])), counted.cumsum(axis=0)])
