"""Nearest neighbour of the mean spectrum: needs no training; strong where a fault changes the mean spectrum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from baselines import Samples
from baselines.log_mel import log_mel


class MeanKnn:
    """Distance of a clip's mean log-mel spectrum to its nearest ones in training.

    Args:
        neighbours: number of nearest spectra over which the distance is averaged.
    """

    def __init__(self, neighbours: int = 1) -> None:
        self.neighbours = neighbours
        self._spectra = np.empty((0, 0), dtype=np.float32)

    def fit(self, clips: Sequence[Samples]) -> None:
        """Store the mean spectrum of each clip."""
        self._spectra = np.stack([log_mel(clip).mean(axis=0) for clip in clips])

    def score(self, clip: Samples) -> float:
        """Mean Euclidean distance to the nearest neighbours, in dB."""
        distances = np.linalg.norm(self._spectra - log_mel(clip).mean(axis=0), axis=1)
        return float(np.sort(distances)[: self.neighbours].mean())
