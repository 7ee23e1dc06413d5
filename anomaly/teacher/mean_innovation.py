"""Whitening of the mean innovation of the last seconds on normal sound, for one second, two, and so on.

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
from anomaly.teacher.whitening import whitening

# Longest mean, in seconds: longer ones hardly improve detection, and delay it for a fault that begins later.
MAX_SPAN_S = 10
# Fewest spans that must fit side by side into the training sound for a covariance.
_MIN_WINDOWS = 20
# Frames from one mean to the next: about a second.
_STEP_FRAMES = 31


def mean_innovation_whitening(innovations: Sequence[npt.NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
    """Fit means and ZCA matrices of the mean innovation over one second, two, ..., as far as there is training sound.

    Args:
        innovations: whitened innovations [frames, bands] of uninterrupted stretches, from the warm-up on.

    Returns:
        Means [spans, bands] and matrices [spans, bands, bands].

    Raises:
        ModelError: fewer than two seconds of sound are left after the warm-up.
    """
    sums = [_running_sums(one) for one in innovations]
    found = []
    for seconds in range(1, MAX_SPAN_S + 1):
        length = frames_before(seconds) - WARM_UP_FRAMES
        if seconds > 1 and sum((len(one) - 1) // length for one in sums) < _MIN_WINDOWS:
            break
        starts = [(one, first) for one in sums for first in range(0, len(one) - length, _STEP_FRAMES)]
        if len(starts) < 2:
            raise ModelError("the training sound is too short for a mean over one second")
        found.append(whitening(np.stack([(one[at + length] - one[at]) / length for one, at in starts])))
    locations, matrices = zip(*found, strict=True)
    return torch.stack(locations), torch.stack(matrices)


def _running_sums(innovations: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Compute the sums over the frames, from none of them to all, [frames + 1, bands]."""
    counted = innovations.astype(np.float64)
    return np.concatenate([np.zeros((1, counted.shape[1])), counted.cumsum(axis=0)])
