"""Codes: counts of spikes are the levels, and output spikes become numbers."""

from __future__ import annotations

import numpy as np
import pytest

from chip.dnn.codes import encode, features

LEVELS = np.array([[-8, -3, 0, 1, 5, 8]])


@pytest.mark.parametrize("kind", ["rate", "delta"])
def test_counts_are_the_levels(kind: str) -> None:
    spikes = encode(LEVELS, kind, 8, 11)  # type: ignore[arg-type]
    np.testing.assert_array_equal(spikes.sum(axis=0), LEVELS)
    assert spikes[8:].any() == False  # noqa: E712
    assert np.abs(spikes).max() == 1


def test_rate_spreads_and_delta_bursts() -> None:
    rate, delta = (encode(np.array([[2]]), kind, 8, 9)[:, 0, 0].tolist() for kind in ("rate", "delta"))
    assert rate == [0, 0, 1, 0, 0, 0, 1, 0, 0] or sum(rate) == 2
    assert delta == [1, 1, 0, 0, 0, 0, 0, 0, 0]


def test_first_spike_and_the_one_that_cancels_it() -> None:
    spikes = encode(np.array([[3, -8, 0]]), "ttfs", 8, 10)[:, 0]
    assert np.flatnonzero(spikes[:, 0]).tolist() == [5, 8]
    assert spikes[[5, 8], 0].tolist() == [1, -1]
    assert spikes[[0, 8], 1].tolist() == [-1, 1]
    assert not spikes[:, 2].any()


def test_features() -> None:
    outputs = np.zeros((6, 1, 3), np.int8)
    outputs[[0, 4], 0, 0] = 1
    outputs[3, 0, 1] = -1
    assert features(outputs, "counts").tolist() == [[2.0, -1.0, 0.0]]
    assert features(outputs, "settled").tolist() == [[2.0, -2.0, 0.0]]
    assert features(outputs, "last").tolist() == [[5.0, -4.0, 0.0]]
