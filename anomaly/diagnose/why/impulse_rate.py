"""Rate of repeated impulses in a band, without facts of the machine."""

from __future__ import annotations

import numpy as np

from anomaly.diagnose.physics.comb import match_comb, smoothed
from anomaly.diagnose.physics.envelope import Curve, envelope, spectrum_of
from anomaly.diagnose.physics.line_excess import line_excess

_LOWEST_HZ, _HIGHEST_HZ = 2.0, 300.0
_LEAST_MATCH = 1.5
"""Mean logarithm of the excess of three harmonics; the best of some hundred combs in noise stays below it."""
_LONGEST_S = 10.0


def impulse_rate(samples: Curve, rate_hz: float, band_hz: tuple[float, float]) -> float | None:
    """Return the rate of impulses in Hz; None where they come at random.

    Args:
        samples: [n], one channel.
        rate_hz: sample rate.
        band_hz: band in which they stand out.
    """
    samples = samples[: int(_LONGEST_S * rate_hz)]
    highest = min(_HIGHEST_HZ, (band_hz[1] - band_hz[0]) / 2)
    power = spectrum_of(envelope(samples, rate_hz, "plain", band_hz), rate_hz, 3.1 * highest)
    excess = smoothed(line_excess(power, None))
    lowest = max(_LOWEST_HZ, 4 * power.step_hz)
    if lowest >= highest:
        return None
    grid = np.exp(np.arange(np.log(lowest), np.log(highest), 0.01))
    matches = [match_comb(excess, hz / power.step_hz) for hz in grid]
    gains = np.asarray([max(match.values[:2]) for match in matches])
    # Multiples of the rate match as well; the lowest comb that is nearly as good is the rate.
    good = np.flatnonzero(gains >= max(_LEAST_MATCH, 0.85 * float(gains.max())))
    if not len(good):
        return None
    near = good[grid[good] <= 1.05 * grid[good[0]]]
    best = int(near[np.argmax(gains[near])])
    return float(grid[best] * (1 + matches[best].slip))
