"""TWFR-GMM: spectra pooled over time by rank, and a Gaussian mixture (Guan et al., arXiv 2305.03328)."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from baselines import Samples
from baselines.log_mel import log_mel

Floats = npt.NDArray[np.float64]

# Published decays, by machine: 1 is the mean over time, 0 the maximum.
DECAYS = (1.0, 0.98, 0.9, 0.88, 0.46)
COMPONENTS = (1, 2)
# Published is 1e-6 with a thousand clips; a covariance of 128 bands from a few dozen needs more.
RIDGES = (1e-6, 1e-3, 1e-2, 1e-1)
FOLDS = 3


class TwfrGmm:
    """Each band's levels sorted over time, weighted by powers of a decay r, in a Gaussian mixture.

    The published decay and number of components were chosen for each machine with anomalies. Here
    they are chosen by the likelihood of held-out normal clips, with bands scaled to unit variance so
    that likelihoods can be compared. The same choice includes ridges of the covariance above the
    published one, which is meant for a thousand clips.

    Args:
        seed: of the mixture's start.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self.decay = 1.0
        self._mean = np.empty(0)
        self._scale = np.empty(0)
        self._mixture = GaussianMixture()

    def fit(self, clips: Sequence[Samples]) -> None:
        """Choose decay, components and ridge, and fit the mixture."""
        levels = [np.sort(log_mel(clip).astype(np.float64), axis=0)[::-1] for clip in clips]
        best = -np.inf
        for decay in DECAYS:
            pooled = np.stack([_weighted(one, decay) for one in levels])
            mean, scale = pooled.mean(axis=0), np.maximum(pooled.std(axis=0), 1e-6)
            vectors = (pooled - mean) / scale
            for components, ridge in itertools.product(COMPONENTS, RIDGES):
                found = self._held_out(vectors, components, ridge)
                if found > best:
                    best, self.decay, self._mean, self._scale = found, decay, mean, scale
                    chosen = vectors, components, ridge
        self._mixture = self._fitted(*chosen)

    def score(self, clip: Samples) -> float:
        """Negative log-likelihood under the nearest component, as published."""
        levels = np.sort(log_mel(clip).astype(np.float64), axis=0)[::-1]
        vector = (_weighted(levels, self.decay) - self._mean) / self._scale
        return -float(self._mixture._estimate_log_prob(vector[None]).max())

    def _held_out(self, vectors: Floats, components: int, ridge: float) -> float:
        """Mean log-likelihood of clips that the mixture was not fitted on."""
        fold = np.arange(len(vectors)) % FOLDS
        return float(
            np.mean(
                [
                    self._fitted(vectors[fold != one], components, ridge).score(vectors[fold == one])
                    for one in range(FOLDS)
                ]
            )
        )

    def _fitted(self, vectors: Floats, components: int, ridge: float) -> GaussianMixture:
        mixture = GaussianMixture(components, reg_covar=ridge, tol=1e-6, random_state=self._seed)
        with warnings.catch_warnings():
            # The limit of 100 steps is that of scikit-learn and of the published code; more steps change little.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return mixture.fit(vectors)


def _weighted(falling: Floats, decay: float) -> Floats:
    """Global weighted ranking pooling of levels [frames, bands] that fall along time: one vector [bands]."""
    weights = decay ** np.arange(len(falling))
    return np.asarray(weights @ falling / weights.sum())
