"""Mahalanobis distance of a clip's mean spectrum and its standard deviation over time from those of normal clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.covariance import LedoitWolf

from baselines import Samples
from baselines.log_mel import log_mel


class Mahalanobis:
    """Mean and standard deviation over time of 128 log-mel bands, one vector a clip.

    The covariance is Ledoit and Wolf's (Journal of Multivariate Analysis 88, 2004), because there are
    fewer clips than the 256 numbers that describe each.
    """

    def __init__(self) -> None:
        self._estimate = LedoitWolf()

    def fit(self, clips: Sequence[Samples]) -> None:
        """Estimate mean and covariance of the statistics."""
        self._estimate.fit(np.stack([_statistics(clip) for clip in clips]))

    def score(self, clip: Samples) -> float:
        """Return the squared Mahalanobis distance of a clip from normal sound."""
        return float(self._estimate.mahalanobis(_statistics(clip)[None])[0])


def _statistics(clip: Samples) -> npt.NDArray[np.float64]:
    levels = log_mel(clip).astype(np.float64)
    return np.concatenate([levels.mean(axis=0), levels.std(axis=0)])
