"""Distribution of comb matches in white noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.stats import pearson3, skew

from anomaly.diagnose.physics.comb import HARMONICS, CombMatch, match_comb, smoothed
from anomaly.diagnose.physics.envelope import Spectrum
from anomaly.diagnose.physics.line_excess import line_excess

_DRAWS = 400
_SEED = 20
_JITTERS = (0.95, 0.97, 0.985, 1.0, 1.015, 1.03, 1.05)
"""Relative places at which one draw is used; a comb at each is as good as another draw."""


@dataclass(frozen=True)
class WhiteNull:
    """Mean, deviation and skewness of the match of a comb in noise.

    Args:
        mean, deviation: by width of lines.
        best_skew: skewness of the standardised match at the best width.
        best_mean, best_deviation: of the same.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    best_mean: float
    best_deviation: float
    best_skew: float

    def z(self, match: CombMatch) -> float:
        """Return how many standard deviations of noise a match stands above its mean, at the best width of lines."""
        return max((v - m) / s for v, m, s in zip(match.values, self.mean, self.deviation, strict=True))

    def p_value(self, z: float) -> float:
        """Return the probability that noise matches as well: Pearson III, fitted to the draws by moments."""
        standard = (z - self.best_mean) / self.best_deviation
        return float(max(pearson3.sf(standard, self.best_skew), 1e-30))


def white_null(bins: float, shaft_bins: float) -> WhiteNull:
    """Return the distribution for a comb.

    Args:
        bins: its fundamental in bins of the envelope spectrum.
        shaft_bins: one order of the shaft in bins; the surroundings are that wide.
    """
    # A few percent do not change the distribution, so near combs share one.
    return _white_null(_rounded(bins), _rounded(shaft_bins))


def _rounded(bins: float) -> float:
    return float(np.round(2 ** (np.round(np.log2(max(bins, 2.0)) * 8) / 8), 3))


@lru_cache(maxsize=512)
def _white_null(bins: float, shaft_bins: float) -> WhiteNull:
    rng = np.random.default_rng(_SEED)
    count = int(bins * HARMONICS * 1.09) + 16
    matches = []
    for _ in range(_DRAWS // len(_JITTERS) + 1):
        excess = line_excess(Spectrum(_hann_noise(count, rng), 1.0), None if shaft_bins < 5 else shaft_bins)
        smooth = smoothed(excess)
        matches += [match_comb(smooth, bins * jitter).values for jitter in _JITTERS]
    values = np.asarray(matches)
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    best = ((values - mean) / deviation).max(axis=1)
    return WhiteNull(
        tuple(mean), tuple(deviation), float(best.mean()), float(best.std()), max(0.3, float(skew(best)))
    )


def _hann_noise(count: int, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the power spectrum of white noise under a Hann window: each bin holds a share of its neighbours."""
    bins = rng.standard_normal(count + 2) + 1j * rng.standard_normal(count + 2)
    return np.asarray(np.abs(bins[1:-1] - 0.5 * (bins[:-2] + bins[2:])) ** 2)
