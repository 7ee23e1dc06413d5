"""Filters on the chip approximate the target filters with few synapses at each comparator."""

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

LIMITS = SynapseLimits(direct_fan_in=6, sum_fan_in=25, min_gain=1e-5, weight_max=31, threshold_max=255)


def moments(seed: int = 0, taps: int = 40) -> npt.NDArray[np.float64]:
    random = np.random.default_rng(seed)
    mixed = random.standard_normal((4000, taps)) @ (
        np.eye(taps) + 0.15 * random.standard_normal((taps, taps))
    )
    return np.asarray(mixed.T @ mixed / len(mixed))


def target_filters(gram: npt.NDArray[np.float64], filters: int = 8) -> npt.NDArray[np.float64]:
    """Return whitening filters: every tap counts, the own one most."""
    values, vectors = np.linalg.eigh(gram)
    return np.asarray((vectors / np.sqrt(values)) @ vectors.T)[:filters]


def fit(
    limits: SynapseLimits = LIMITS,
) -> tuple[FilterSynapses, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    gram = moments()
    filters = target_filters(gram)
    return (
        fit_filter_synapses(filters, gram, limits, lambda _number, _uses: (np.ones(len(gram)),) * 2),
        filters,
        gram,
    )


def missed(fitted: FilterSynapses, filters: npt.NDArray[np.float64], gram: npt.NDArray[np.float64]) -> float:
    """Return the share of the filters' variance that is missed, at the best scale."""
    outputs = fitted.outputs(np.eye(len(gram))).T
    related = np.einsum("rt,ts,rs->r", outputs, gram, filters) ** 2
    power = np.einsum("rt,ts,rs->r", outputs, gram, outputs) * np.einsum(
        "rt,ts,rs->r", filters, gram, filters
    )
    return float(np.mean(1 - related / power))


def test_limits_are_kept() -> None:
    fitted, _, _ = fit()
    assert (fitted.direct != 0).sum(axis=1).max() <= 6
    assert (fitted.residual != 0).sum(axis=1).max() <= 25
    assert max(np.abs(fitted.direct).max(), np.abs(fitted.residual).max(), fitted.spike_weights.max()) <= 31
    assert 1 <= fitted.quanta.min() <= fitted.quanta.max() <= 255
    # Thresholds up to four deviations are representable.
    assert (4 * fitted.deviations[np.abs(fitted.direct).max(axis=1) > 1] < 1.2 * 255).all()


def test_a_sum_adds_the_residual_of_direct_synapses() -> None:
    fitted, filters, gram = fit()
    alone = replace(fitted, spike_weights=0 * fitted.spike_weights)
    assert missed(fitted, filters, gram) < 0.4 * missed(alone, filters, gram)
    assert missed(fitted, filters, gram) < 0.08


def test_deviations_are_those_of_the_outputs() -> None:
    fitted, _, gram = fit()
    outputs = fitted.outputs(np.eye(len(gram))).T
    assert fitted.deviations == pytest.approx(np.sqrt(np.einsum("rt,ts,rs->r", outputs, gram, outputs)))


def test_a_filter_without_residual_has_no_sum() -> None:
    gram = np.eye(40)
    fitted = fit_filter_synapses(np.eye(40)[:3], gram, LIMITS, lambda _number, _uses: (np.ones(40),) * 2)
    assert not fitted.residual.any()
    assert not fitted.spike_weights.any()
    assert (fitted.direct[np.arange(3), np.arange(3)] > 0).all()


def test_forbidden_taps_are_not_used_and_uses_are_counted() -> None:
    gram, seen = moments(), []

    def costs(
        number: int, uses: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        seen.append(int(uses.sum()))
        cost = np.ones(len(gram))
        cost[20:] = np.inf
        return cost, cost

    fitted = fit_filter_synapses(target_filters(gram), gram, LIMITS, costs)
    assert not fitted.direct[:, 20:].any()
    assert not fitted.residual[:, 20:].any()
    assert seen == sorted(seen)
    assert seen[0] == 0 < seen[1]


def test_arrays_are_repeated_with_each_sign() -> None:
    assert repeat_with_signs(np.array([[1, 2]], np.int32), 2, (1, -1)).tolist() == [
        [1, 2],
        [1, 2],
        [-1, -2],
        [-1, -2],
    ]
