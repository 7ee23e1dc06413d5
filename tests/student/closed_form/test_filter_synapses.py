"""A row on the chip is the row that was wanted, with few synapses at each comparator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.student.closed_form.filter_synapses import (
    FilterSynapses,
    SynapseLimits,
    fit_filter_synapses,
    repeat_with_signs,
)

WIRES = SynapseLimits(direct=6, fan_in=25, least_gain=1e-5, weight_max=31, threshold_max=255)


def moments(seed: int = 0, taps: int = 40) -> npt.NDArray[np.float64]:
    random = np.random.default_rng(seed)
    mixed = random.standard_normal((4000, taps)) @ (
        np.eye(taps) + 0.15 * random.standard_normal((taps, taps))
    )
    return np.asarray(mixed.T @ mixed / len(mixed))


def wanted(gram: npt.NDArray[np.float64], rows: int = 8) -> npt.NDArray[np.float64]:
    """Whitening rows: every tap counts, the own one most."""
    values, vectors = np.linalg.eigh(gram)
    return np.asarray((vectors / np.sqrt(values)) @ vectors.T)[:rows]


def fit(
    wires: SynapseLimits = WIRES,
) -> tuple[FilterSynapses, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    gram = moments()
    rows = wanted(gram)
    return fit_filter_synapses(rows, gram, wires, lambda _row, _uses: (np.ones(len(gram)),) * 2), rows, gram


def missed(made: FilterSynapses, rows: npt.NDArray[np.float64], gram: npt.NDArray[np.float64]) -> float:
    """Share of the rows' variance that is not theirs, on whatever scale fits best."""
    held = made.held(np.eye(len(gram))).T
    related = np.einsum("rt,ts,rs->r", held, gram, rows) ** 2
    power = np.einsum("rt,ts,rs->r", held, gram, held) * np.einsum("rt,ts,rs->r", rows, gram, rows)
    return float(np.mean(1 - related / power))


def test_limits_are_kept() -> None:
    made, _, _ = fit()
    assert (made.direct != 0).sum(axis=1).max() <= 6
    assert (made.rest != 0).sum(axis=1).max() <= 25
    assert max(np.abs(made.direct).max(), np.abs(made.rest).max(), made.shares.max()) <= 31
    assert 1 <= made.quanta.min() <= made.quanta.max() <= 255
    # The highest threshold has room for four deviations.
    assert (4 * made.deviations[np.abs(made.direct).max(axis=1) > 1] < 1.2 * 255).all()


def test_a_sum_brings_what_direct_synapses_miss() -> None:
    made, rows, gram = fit()
    alone = replace(made, shares=0 * made.shares)
    assert missed(made, rows, gram) < 0.4 * missed(alone, rows, gram)
    assert missed(made, rows, gram) < 0.08


def test_deviations_are_those_of_what_is_held() -> None:
    made, _, gram = fit()
    held = made.held(np.eye(len(gram))).T
    assert made.deviations == pytest.approx(np.sqrt(np.einsum("rt,ts,rs->r", held, gram, held)))


def test_a_row_that_needs_no_sum_has_none() -> None:
    gram = np.eye(40)
    made = fit_filter_synapses(np.eye(40)[:3], gram, WIRES, lambda _row, _uses: (np.ones(40),) * 2)
    assert not made.rest.any()
    assert not made.shares.any()
    assert (made.direct[np.arange(3), np.arange(3)] > 0).all()


def test_taps_that_are_not_on_offer_are_not_taken_and_uses_are_counted() -> None:
    gram, seen = moments(), []

    def costs(
        row: int, uses: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        seen.append(int(uses.sum()))
        price = np.ones(len(gram))
        price[20:] = np.inf
        return price, price

    made = fit_filter_synapses(wanted(gram), gram, WIRES, costs)
    assert not made.direct[:, 20:].any()
    assert not made.rest[:, 20:].any()
    assert seen == sorted(seen)
    assert seen[0] == 0 < seen[1]


def test_rows_again_and_again_with_each_sign() -> None:
    assert repeat_with_signs(np.array([[1, 2]], np.int32), 2, (1, -1)).tolist() == [
        [1, 2],
        [1, 2],
        [-1, -2],
        [-1, -2],
    ]
