"""Match of a comb of harmonics with the lines of a spectrum, with slip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from anomaly.diagnose.physics.envelope import Curve

HARMONICS = 3
MOST_SLIP = 0.02
"""Deviation from the computed frequency that is searched: slip, an inexact speed or an inexact geometry."""
SLIP_COST = 0.2
"""Loss of the match at one percent of slip; it grows with the square."""
FLOOR = 0.3
WIDTHS = (0, 2, 5)
"""Half widths in bins over which lines are averaged: slip that varies smears them, most of all those of balls."""
_LINE = 4.0
"""Excess from which a harmonic counts as present: 2 % of the bins of noise reach it."""


@dataclass(frozen=True)
class CombMatch:
    """Best match of a comb.

    Args:
        values: mean logarithm of the excess over the harmonics less the cost of slip, by width of lines.
        slip: relative deviation at the best of them.
        harmonics: number of harmonics that stand out.
    """

    values: tuple[float, ...]
    slip: float
    harmonics: int


def smoothed(excess: Curve, widths: Sequence[int] = WIDTHS) -> list[Curve]:
    """Return the excess averaged over each width."""
    return [uniform_filter1d(excess, 2 * width + 1) if width else excess for width in widths]


def match_comb(smooth: Sequence[Curve], bins: float, harmonics: int = HARMONICS) -> CombMatch:
    """Match a comb with the excess of a spectrum.

    Args:
        smooth: `smoothed` excess.
        bins: fundamental frequency in bins.
        harmonics: number of harmonics.
    """
    step = 1 / (2 * harmonics * bins)
    slips = np.arange(-MOST_SLIP, MOST_SLIP + step / 2, step) if step < MOST_SLIP else np.zeros(1)
    index = np.round(np.outer(1 + slips, np.arange(1, harmonics + 1) * bins)).astype(int)
    index = np.minimum(index, len(smooth[0]) - 1)
    cost = SLIP_COST * (slips / 0.01) ** 2
    matches = [np.log(np.maximum(excess[index], FLOOR)).mean(axis=1) - cost for excess in smooth]
    best = max(range(len(matches)), key=lambda number: float(matches[number].max()))
    place = int(matches[best].argmax())
    nearby = np.stack([smooth[0][np.clip(index[place] + o, 0, len(smooth[0]) - 1)] for o in (-1, 0, 1)])
    present = int((nearby.max(axis=0) >= _LINE).sum())
    return CombMatch(tuple(float(match.max()) for match in matches), float(slips[place]), present)
