"""Band of the spectrum in which repeated impacts are clearest."""

from __future__ import annotations

import itertools

import numpy as np

from anomaly.diagnose.physics.comb import match_comb, smoothed
from anomaly.diagnose.physics.envelope import HIGHEST_SHARE, LOWEST_HZ, Curve, envelope, spectrum_of
from anomaly.diagnose.physics.line_excess import line_excess

_BANDS = 7
_LONGEST_S = 5.0


def impact_band(samples: Curve, rate_hz: float, shaft_hz: float, impacts_hz: float) -> tuple[float, float]:
    """Return the band, of seven equally wide on a logarithmic scale, whose envelope shows a comb best.

    Args:
        samples: [n], one channel.
        rate_hz: sample rate.
        shaft_hz: speed of the shaft, whose harmonics do not count.
        impacts_hz: rate of the impacts.
    """
    samples = samples[: int(_LONGEST_S * rate_hz)]
    edges = np.geomspace(min(LOWEST_HZ, rate_hz / 16), HIGHEST_SHARE * rate_hz / 2, _BANDS + 1)
    matches = []
    for low, high in itertools.pairwise(edges):
        power = spectrum_of(
            envelope(samples, rate_hz, "smooth", (float(low), float(high))), rate_hz, 4 * impacts_hz
        )
        excess = line_excess(power, shaft_hz)
        matches.append(max(match_comb(smoothed(excess), impacts_hz / power.step_hz).values))
    best = int(np.argmax(matches))
    return float(edges[best]), float(edges[best + 1])
