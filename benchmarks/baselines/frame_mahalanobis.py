"""Mahalanobis distance of stacked frames, the linear reference for deep models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.covariance import ledoit_wolf

from baselines import Samples
from baselines.log_mel import Levels, in_db, power

VARIANTS = tuple((frames, bands) for bands in (32, 64) for frames in (3, 5, 7))
"""Frames stacked and mel bands of each."""

Floats = npt.NDArray[np.float64]


class FrameMahalanobis:
    """A Gaussian over ``frames`` neighbouring frames of ``bands`` mel bands, with Ledoit and Wolf's covariance.

    Args:
        frames: number of stacked frames.
        bands: mel bands of each.
    """

    def __init__(self, frames: int = 5, bands: int = 64) -> None:
        self.frames = frames
        self.bands = bands
        self._mean = np.empty(0)
        self._whiten = np.empty((0, 0))

    def fit(self, clips: Sequence[Samples]) -> None:
        """Estimate mean and covariance of the stacked frames of normal clips."""
        self.fit_spectrograms([power(clip) for clip in clips])

    def score(self, clip: Samples) -> float:
        """Squared distance, the mean over the clip."""
        return self.score_spectrogram(power(clip))

    def fit_spectrograms(self, spectrograms: Sequence[Levels]) -> None:
        """Do as `fit`, from power spectrograms [513, frames], which variants can share."""
        vectors = np.concatenate([self._vectors(one) for one in spectrograms])
        self._mean = vectors.mean(axis=0)
        covariance, _ = ledoit_wolf(vectors - self._mean, assume_centered=True)
        # d' C^-1 d = |W d|^2 with W the inverse of the lower Cholesky factor of C.
        self._whiten = np.linalg.inv(np.linalg.cholesky(covariance))

    def score_spectrogram(self, spectrogram: Levels) -> float:
        """Score as `score` does, from a power spectrogram [513, frames]."""
        whitened = (self._vectors(spectrogram) - self._mean) @ self._whiten.T
        return float(np.square(whitened).sum(axis=1).mean())

    def _vectors(self, spectrogram: Levels) -> Floats:
        """Stacked frames, shape [frames - stacked + 1, stacked x bands]."""
        levels = in_db(spectrogram, self.bands).astype(np.float64)
        count = len(levels) - self.frames + 1
        return np.concatenate([levels[i : i + count] for i in range(self.frames)], axis=1)
