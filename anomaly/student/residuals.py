"""Sparse linear predictions: what a band should be, given few others.

Orthogonal matching pursuit on the Gram matrix of the levels of normal sound (Pati et al., 1993): the
fan-in limit of a neuron is the number of terms, and a tap that has been used as often as its wire can
be loaded is no longer on offer, so the result fits by construction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.student.circuit import KINDS

Gram = npt.NDArray[np.float64]

_LOCAL = 4
_RIDGE = 1e-3
# A further source must explain at least this share of the band's variance to be worth a wire.
_LEAST_GAIN = 5e-4


@dataclass(frozen=True, eq=False)
class Residual:
    """One residual: a band's level minus a weighted sum of other taps.

    Args:
        kind: index into `KINDS`.
        band: the band that is predicted.
        sources: taps it is predicted from, in the order they were chosen.
        weights: their weights.
    """

    kind: int
    band: int
    sources: tuple[int, ...]
    weights: npt.NDArray[np.float64]


def find_residuals(gram: Gram, bands: int, fan_in: int, most_uses: int) -> list[Residual]:
    """All residuals of all kinds.

    Args:
        gram: second moments of the centred taps, [taps, taps], taps numbered ``delay * bands + band``.
        bands: bands of one frame.
        fan_in: synapses a neuron may have, the predicted band included.
        most_uses: residuals that one tap may be part of; each band is part of its own in any case.
    """
    uses = np.zeros(len(gram), dtype=np.int64)
    uses[:bands] = len(KINDS)
    found = []
    for kind, name in enumerate(KINDS):
        for band in range(bands):
            allowed = [tap for tap in candidates(name, band, bands, len(gram)) if uses[tap] < most_uses]
            sources, weights = pursue(gram, band, allowed, fan_in - 1)
            uses[list(sources)] += 1
            found.append(Residual(kind, band, sources, weights))
    return found


def candidates(kind: str, band: int, bands: int, taps: int) -> list[int]:
    """Taps a residual may use: *static* the same frame, *delayed* all frames, *local* near bands of all frames."""
    others = [tap for tap in range(taps) if tap != band]
    if kind == "static":
        return [tap for tap in others if tap < bands]
    if kind == "local":
        return [tap for tap in others if abs(tap % bands - band) <= _LOCAL]
    return others


def pursue(
    gram: Gram, target: int, allowed: list[int], terms: int
) -> tuple[tuple[int, ...], npt.NDArray[np.float64]]:
    """Choose at most ``terms`` sources one after the other, each the one that explains most of what is left."""
    power = np.diag(gram)
    pool = np.array([tap for tap in allowed if power[tap] > 0], dtype=np.int64)
    chosen: list[int] = []
    weights = np.zeros(0)
    left = float(gram[target, target])
    while len(chosen) < min(terms, len(pool)):
        unexplained = gram[pool, target] - gram[pool][:, chosen] @ weights
        gain = unexplained**2 / power[pool]
        gain[np.isin(pool, chosen)] = -1.0
        trial = [*chosen, int(pool[int(np.argmax(gain))])]
        trial_weights = solve(gram, trial, gram[trial, target])
        now = float(gram[target, target] - gram[target, trial] @ trial_weights)
        if left - now <= _LEAST_GAIN * gram[target, target]:
            break
        chosen, weights, left = trial, trial_weights, now
    return tuple(chosen), weights


def solve(gram: Gram, sources: list[int], moments: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Least squares on the Gram matrix with a small ridge, so that silent bands do no harm."""
    block = gram[np.ix_(sources, sources)]
    ridge = _RIDGE * np.diag(np.diag(block))
    return np.asarray(np.linalg.solve(block + ridge, moments), dtype=np.float64)
