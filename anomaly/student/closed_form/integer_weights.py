"""A row of many real weights becomes few whole ones with nearly the same output.

First the taps: orthogonal matching pursuit in the metric of the Gram matrix (Pati et al., 1993), so that the
fan-in of a neuron is the number of terms, and what a tap adds must be worth its wire. Then the integers: weights
are rounded one after the other; each time the ones not yet rounded are solved again, so that they make up for the
error just made (the idea of OBQ and GPTQ, Frantar et al., 2022).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]

_RIDGE = 1e-6
# Scales that are tried: the largest weight as large as can be, and a little less.
_SCALES = (1.0, 0.93, 0.86, 0.8, 0.74)


def choose_taps(row: Floats, gram: Floats, costs: Floats, terms: int, least_gain: float) -> list[int]:
    """The few taps that come nearest to a row.

    Args:
        row: real weights, [taps].
        gram: second moments of the taps, with whatever noise the weights shall be robust against.
        costs: what a tap's gain is divided by, 1 for a wire of usual length, infinity for one not on offer, [taps].
        terms: how many at most.
        least_gain: share of the output's variance that a tap must explain, times its cost.
    """
    wanted, power = gram @ row, np.diag(gram)
    on_offer = np.isfinite(costs) & (power > 1e-9)
    chosen = [int(np.argmax(np.where(on_offer, np.abs(row) * np.sqrt(power), -1.0)))]
    while len(chosen) < terms:
        left = wanted - gram[:, chosen] @ _solve(gram, chosen, wanted[chosen])
        gain = np.where(on_offer, left**2 / np.maximum(power, 1e-9), 0.0) / costs
        gain[chosen] = 0.0
        best = int(np.argmax(gain))
        if gain[best] <= least_gain * float(row @ wanted):
            break
        chosen.append(best)
    return chosen


def quantise(row: Floats, gram: Floats, taps: list[int], weight_max: int) -> tuple[Integers, float]:
    """Whole weights on the given taps, and how much of the output's variance they miss, of the best scale."""
    wanted = gram @ row
    exact = _solve(gram, taps, wanted[taps])
    whole = max(float(row @ wanted), 1e-12)
    best, least = np.zeros(len(row), np.int32), np.inf
    for share in _SCALES:
        scale = share * weight_max / max(float(np.abs(exact).max()), 1e-12)
        rounded = _compensated(scale * wanted, gram, taps, scale * exact, weight_max)
        difference = rounded / scale - row
        missed = float(difference @ gram @ difference) / whole
        if missed < least and rounded.any():
            best, least = rounded.astype(np.int32), missed
    return best, least


def quantise_at_scale(scale: float, row: Floats, gram: Floats, taps: list[int], weight_max: int) -> Integers:
    """Whole weights on the given taps that come near a row times a given scale."""
    wanted = scale * (gram @ row)
    rounded: Integers = _compensated(wanted, gram, taps, _solve(gram, taps, wanted[taps]), weight_max).astype(
        np.int32
    )
    return rounded


def quantise_within(
    row: Floats, gram: Floats, taps: list[int], weight_max: int, most: float
) -> tuple[Integers, float]:
    """The heaviest whole weights whose output has a standard deviation of ``most`` units or less, and what it has.

    Weights of one are not made lighter, so that an output may be larger where there is no other way.
    """
    largest = weight_max
    while True:
        whole, _ = quantise(row, gram, taps, largest)
        deviation = max(float(np.sqrt(whole @ gram @ whole)), 1e-9)
        if deviation <= most or largest == 1:
            return whole, deviation
        largest = max(1, min(largest - 1, int(largest * most / deviation)))


def _compensated(wanted: Floats, gram: Floats, taps: list[int], start: Floats, weight_max: int) -> Floats:
    rounded, left, weights, power = np.zeros(len(gram)), list(taps), start, np.diag(gram)
    while left:
        # What is rounded first is compensated by most others: begin with the largest contribution.
        first = int(np.argmax(np.abs(weights) * np.sqrt(power[left])))
        tap = left.pop(first)
        rounded[tap] = np.clip(np.rint(weights[first]), -weight_max, weight_max)
        if left:
            weights = _solve(gram, left, wanted[left] - gram[left] @ rounded)
    return rounded


def _solve(gram: Floats, taps: list[int], moments: Floats) -> Floats:
    block = gram[np.ix_(taps, taps)]
    return np.asarray(np.linalg.solve(block + _RIDGE * np.eye(len(taps)), moments), dtype=np.float64)
