"""Whitening filters: linear filters over bands and delays whose outputs are white on normal sound.

With x_0 the standardised levels of a frame and x_1, x_2, ... those of the frames before it::

    e = x_0 - A [x_1; ...; x_d]      A = E[x_0 x_past^T] (E[x_past x_past^T] + ridge I)^-1
    y = C^(-1/2) e                   C = E[e e^T] + ridge I

A whitened vector is as long as the Mahalanobis distance of the vector that it was made from, so squares (or counts of
exceedances) per sub-band may simply be added; plain prediction errors would count twice what neighbouring bands share.
The symmetric root C^(-1/2) (zero-phase whitening, ZCA; Bell and Sejnowski, 1997) keeps each output at its band.

``frame``    d = 0, the frame alone: sensitive to a steady change of spectrum
``change``   d = 3, the part that the three frames before do not predict: sensitive to knocks, rattle, modulation
``context``  d = 1, the same with one frame before: less memory, fewer relays
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anomaly.student.arrays import Floats
from anomaly.student.circuit_parts import FILTER_KINDS

# Added to the variances (1) of standardised bands. It keeps weights small where bands are nearly equal: mismatch and
# lost events then cost less, and unseen sound is whitened better.
_RIDGE = 5e-2
_PAST_RIDGE = 1e-2
# Frames of delay of each kind.
_DELAYS = {"frame": 0, "change": 3, "context": 1}


def fit_whitening_filters(gram: Floats, bands: int, kinds: tuple[str, ...]) -> Floats:
    """Fit filters of all kinds, one for each band, every one with an output variance of one on normal sound.

    Args:
        gram: second moments of standardised taps, [taps, taps], taps numbered ``delay * bands + band``.
        bands: bands of one frame.
        kinds: of `FILTER_KINDS`.

    Returns:
        Weights [len(kinds) * bands, taps], in the order of the kinds, then bands.
    """
    filters = np.concatenate(
        [_filters(gram, bands, min(_DELAYS[kind], len(gram) // bands - 1)) for kind in kinds]
    )
    power = np.einsum("rt,ts,rs->r", filters, gram, filters)
    return np.asarray(filters / np.sqrt(np.maximum(power, 1e-12))[:, None], dtype=np.float64)


def max_delay(kinds: tuple[str, ...]) -> int:
    """Return the frames of delay that filters of these kinds reach back."""
    return max(_DELAYS[kind] for kind in kinds)


def valid_kinds(kinds: tuple[str, ...]) -> bool:
    """Return whether these are kinds of filters, in the order of `FILTER_KINDS` and none twice."""
    return bool(kinds) and [kind for kind in FILTER_KINDS if kind in kinds] == list(kinds)


def _filters(gram: Floats, bands: int, delays: int) -> Floats:
    predicted = np.zeros((bands, len(gram)))
    predicted[:, :bands] = np.eye(bands)
    past = np.arange(bands, (delays + 1) * bands)
    if len(past):
        block = gram[np.ix_(past, past)] + _PAST_RIDGE * np.eye(len(past))
        predicted[:, past] = -np.linalg.solve(block, gram[past, :bands]).T
    covariance = predicted @ gram @ predicted.T
    return _zca(covariance) @ predicted


def _zca(covariance: Floats) -> npt.NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors / np.sqrt(np.maximum(values, 0.0) + _RIDGE)) @ vectors.T)
