"""Outputs of whitening filters are white on the sound that they were fitted to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.student.circuit_parts import FILTER_KINDS
from anomaly.student.closed_form.whitening_filters import fit_whitening_filters, max_delay, valid_kinds

Floats = npt.NDArray[np.float64]
BANDS = 8


def moments(seed: int = 0) -> Floats:
    """Return moments of standardised bands that are correlated with their neighbours and their past."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal((5000, BANDS + 2))
    shared = noise[:, :-2] + noise[:, 1:-1] + noise[:, 2:]
    frames = np.zeros_like(shared)
    for at in range(1, len(shared)):
        frames[at] = 0.7 * frames[at - 1] + shared[at]
    frames /= frames.std(axis=0)
    taps = np.concatenate([frames[3 - delay : len(frames) - delay] for delay in range(4)], axis=1)
    gram: Floats = taps.T @ taps / len(taps)
    return gram


@pytest.mark.parametrize("kind", FILTER_KINDS)
def test_outputs_of_a_kind_are_white(kind: str) -> None:
    gram = moments()
    filters = fit_whitening_filters(gram, BANDS, (kind,))
    outputs = filters @ gram @ filters.T
    assert np.diag(outputs) == pytest.approx(np.ones(BANDS))
    before = gram[:BANDS, :BANDS] - np.eye(BANDS)
    assert np.abs(outputs - np.eye(BANDS)).max() < 0.35 * np.abs(before).max()
    # Zero phase: each output stays at its band.
    assert np.abs(filters[:, :BANDS]).argmax(axis=1).tolist() == list(range(BANDS))


def test_filters_reach_back_by_the_delay_of_their_kind() -> None:
    filters = fit_whitening_filters(moments(), BANDS, FILTER_KINDS)
    used = [np.flatnonzero(np.abs(filters[k * BANDS : (k + 1) * BANDS]).max(axis=0) > 1e-9) for k in range(3)]
    assert [int(taps.max()) // BANDS for taps in used] == [0, 3, 1]
    assert [max_delay((kind,)) for kind in FILTER_KINDS] == [0, 3, 1]
    assert max_delay(FILTER_KINDS) == 3


def test_equal_bands_have_finite_weights() -> None:
    gram = moments()
    gram[1] = gram[0]
    gram[:, 1] = gram[:, 0]
    filters = fit_whitening_filters(gram, BANDS, ("frame",))
    assert np.isfinite(filters).all()
    assert np.abs(filters).max() < 50


@pytest.mark.parametrize(
    ("kinds", "valid"),
    [
        (("frame",), True),
        (FILTER_KINDS, True),
        (("change", "frame"), False),
        (("frame", "frame"), False),
        ((), False),
    ],
)
def test_kinds_must_be_in_order(kinds: tuple[str, ...], valid: bool) -> None:
    assert valid_kinds(kinds) is valid
