"""Rise of an index: the straight pieces at its end that go up together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anomaly.prognosis.index.series import Values
from anomaly.prognosis.trend.change_points import Piece
from anomaly.prognosis.trend.noise import Noise
from anomaly.prognosis.trend.theil_sen import Slope, theil_sen

# A rise that the noise alone does not make: chosen on simulated healthy machines, see docs/trend.md.
_LEAST_Z, _LEAST_DEVIATIONS = 4.5, 1.5
# Pieces before the last one belong to the rise unless they fall, or the next one begins this far below their end.
_MOST_FALL_Z, _MOST_DROP = -2.0, 1.5
# A rise that consists of jumps between level pieces is a change of the machine, such as another load.
_LEAST_SHARE_INSIDE = 0.5


@dataclass(frozen=True, slots=True)
class Rise:
    """Rise of an index up to its last value.

    Args:
        first: index of the value at which it begins.
        begin: level at its beginning.
        end: level at its end, now.
        slope: Theil-Sen slope of the last piece, which says what comes next.
        z: slope over the whole rise in its standard errors.
        duration_s: from the first value to the last.
        scatter: standard deviation around one straight line over the whole rise.
    """

    first: int
    begin: float
    end: float
    slope: Slope
    z: float
    duration_s: float
    scatter: float = 0.0


def find_rise(times_s: Values, values: Values, pieces: Sequence[Piece], noise: Noise) -> Rise | None:
    """Return the rise at the end of an index, or None where noise explains it.

    Args:
        times_s: [n].
        values: [n], without outliers.
        pieces: straight pieces of the values.
        noise: of the values.
    """
    rising = _rising_pieces(pieces, noise)
    if not rising or not _climbs_inside(rising):
        return None
    first, last = rising[0], rising[-1]
    t, x = times_s[first.first :], values[first.first :]
    centred = t - t.mean()
    spread = max(float(centred @ centred), 1e-300)
    scatter = float(np.std(x - x.mean() - centred * float(centred @ x) / spread))
    z = float(centred @ x) / max(noise.slow_deviation * float(np.sqrt(spread)), 1e-300)
    slope = theil_sen(times_s[last.first :], values[last.first :], inflation=noise.inflation)
    climbed = slope.level - first.begin
    if z < _LEAST_Z or climbed < _LEAST_DEVIATIONS * noise.deviation:
        return None
    return Rise(first.first, first.begin, slope.level, slope, z, float(t[-1] - t[0]), scatter)


def _rising_pieces(pieces: Sequence[Piece], noise: Noise) -> list[Piece]:
    """Return the pieces at the end that do not fall, from the first one that goes up."""
    found: list[Piece] = []
    for piece in reversed(pieces):
        drops = found and found[0].begin < piece.end - _MOST_DROP * noise.slow_deviation
        if piece.z < _MOST_FALL_Z or drops:
            break
        found.insert(0, piece)
    while found and found[0].z < -_MOST_FALL_Z:
        found.pop(0)
    return found


def _climbs_inside(pieces: Sequence[Piece]) -> bool:
    inside = sum(max(piece.end - piece.begin, 0.0) for piece in pieces)
    jumps = sum(max(after.begin - before.end, 0.0) for before, after in itertools.pairwise(pieces))
    return inside >= _LEAST_SHARE_INSIDE * (inside + jumps)
