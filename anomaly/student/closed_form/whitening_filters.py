"""What a frame should not do: rows of weights over bands and delays whose outputs are white on normal sound.

A whitened vector has the same length as the Mahalanobis distance of what it was made from, so squares (or counts
of exceedances) per sub-band may simply be added; a band's plain prediction error counts what neighbouring bands
share twice. Zero-phase whitening (ZCA; Bell and Sejnowski, 1997) keeps each output at its band.

``frame``    the frame alone: hears a steady change of spectrum
``change``   what two frames before and the other bands' past do not tell: hears knocks, rattle, modulation
``context``  the same with one frame before: less memory, fewer relays
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anomaly.student.circuit import FILTER_KINDS
from anomaly.student.closed_form.integer_weights import Floats

# Added to the variances (1) of standardised bands. It keeps weights small where bands say nearly the same: mismatch and
# lost events then cost less, and sound never heard before is whitened better.
_RIDGE = 5e-2
_PAST_RIDGE = 1e-2
_REACH = {"frame": 0, "change": 2, "context": 1}


def fit_whitening_filters(gram: Floats, bands: int, kinds: tuple[str, ...]) -> Floats:
    """Rows of all kinds, a band each, every one with a variance of one on normal sound.

    Args:
        gram: second moments of standardised taps, [taps, taps], taps numbered ``delay * bands + band``.
        bands: bands of one frame.
        kinds: of `FILTER_KINDS`.

    Returns:
        [len(kinds) * bands, taps], in the order of the kinds, then bands.
    """
    rows = np.concatenate([_rows(gram, bands, min(_REACH[kind], len(gram) // bands - 1)) for kind in kinds])
    power = np.einsum("rt,ts,rs->r", rows, gram, rows)
    return np.asarray(rows / np.sqrt(np.maximum(power, 1e-12))[:, None], dtype=np.float64)


def max_delay(kinds: tuple[str, ...]) -> int:
    """Frames of delay that these kinds look back."""
    return max(_REACH[kind] for kind in kinds)


def valid_kinds(kinds: tuple[str, ...]) -> bool:
    """Whether these are kinds, in the order of `FILTER_KINDS` and none twice."""
    return bool(kinds) and [kind for kind in FILTER_KINDS if kind in kinds] == list(kinds)


def _rows(gram: Floats, bands: int, reach: int) -> Floats:
    predicted = np.zeros((bands, len(gram)))
    predicted[:, :bands] = np.eye(bands)
    past = np.arange(bands, (reach + 1) * bands)
    if len(past):
        block = gram[np.ix_(past, past)] + _PAST_RIDGE * np.eye(len(past))
        predicted[:, past] = -np.linalg.solve(block, gram[past, :bands]).T
    covariance = predicted @ gram @ predicted.T
    return _zca(covariance) @ predicted


def _zca(covariance: Floats) -> npt.NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors / np.sqrt(np.maximum(values, 0.0) + _RIDGE)) @ vectors.T)
