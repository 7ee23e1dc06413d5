"""Sparse integer approximation of a filter: few whole weights with nearly the same output.

First the taps: orthogonal matching pursuit in the metric of the Gram matrix (Pati et al., 1993), so that the fan-in of
a neuron is the number of terms; what a tap explains is divided by the cost of its wire. Then the integers: weights are
rounded one after the other; each time the ones not yet rounded are solved again, so that they compensate the rounding
error (the idea of Optimal Brain Quantization and GPTQ; Frantar et al., 2022).

With w the filter, G the Gram matrix and q the weights at scale a, the error is ``(q/a - w)^T G (q/a - w)``.
"""

from __future__ import annotations

import numpy as np

from anomaly.student.arrays import Floats, Integers

_RIDGE = 1e-6
# Scales that are tried: the largest weight at the chip's limit, and a little less.
_SCALES = (1.0, 0.93, 0.86, 0.8, 0.74)


def choose_taps(weights: Floats, gram: Floats, costs: Floats, terms: int, min_gain: float) -> list[int]:
    """Choose the few taps that approximate a filter best.

    Args:
        weights: real weights of the filter, [taps].
        gram: second moments of the taps, including the noise that the weights shall be robust against, [taps, taps].
        costs: divisor of each tap's gain, 1 for a wire of usual length, infinity for a tap that may not be used,
            [taps].
        terms: largest number of taps.
        min_gain: share of the output's variance that a tap must explain, times its cost.
    """
    moments, power = gram @ weights, np.diag(gram)
    allowed = np.isfinite(costs) & (power > 1e-9)
    chosen = [int(np.argmax(np.where(allowed, np.abs(weights) * np.sqrt(power), -1.0)))]
    while len(chosen) < terms:
        residual = moments - gram[:, chosen] @ _solve(gram, chosen, moments[chosen])
        gain = np.where(allowed, residual**2 / np.maximum(power, 1e-9), 0.0) / costs
        gain[chosen] = 0.0
        best = int(np.argmax(gain))
        if gain[best] <= min_gain * float(weights @ moments):
            break
        chosen.append(best)
    return chosen


def quantise(weights: Floats, gram: Floats, taps: list[int], weight_max: int) -> tuple[Integers, float]:
    """Quantise a filter on the given taps at the best of several scales.

    Returns:
        Whole weights [taps], and the share of the output's variance that they miss.
    """
    moments = gram @ weights
    exact = _solve(gram, taps, moments[taps])
    variance = max(float(weights @ moments), 1e-12)
    best, least = np.zeros(len(weights), np.int32), np.inf
    for share in _SCALES:
        scale = share * weight_max / max(float(np.abs(exact).max()), 1e-12)
        rounded = _round_compensated(scale * moments, gram, taps, scale * exact, weight_max)
        difference = rounded / scale - weights
        missed = float(difference @ gram @ difference) / variance
        if missed < least and rounded.any():
            best, least = rounded.astype(np.int32), missed
    return best, least


def quantise_at_scale(
    scale: float, weights: Floats, gram: Floats, taps: list[int], weight_max: int
) -> Integers:
    """Quantise a filter times a given scale on the given taps."""
    moments = scale * (gram @ weights)
    exact = _solve(gram, taps, moments[taps])
    rounded: Integers = _round_compensated(moments, gram, taps, exact, weight_max).astype(np.int32)
    return rounded


def quantise_within(
    weights: Floats, gram: Floats, taps: list[int], weight_max: int, max_deviation: float
) -> tuple[Integers, float]:
    """Quantise a filter to the heaviest whole weights whose output deviation is within a limit.

    Weights of one are not made lighter, so the output may exceed the limit where there is no other way.

    Returns:
        Whole weights [taps], and the standard deviation of their output.
    """
    largest = weight_max
    while True:
        whole, _ = quantise(weights, gram, taps, largest)
        deviation = max(float(np.sqrt(whole @ gram @ whole)), 1e-9)
        if deviation <= max_deviation or largest == 1:
            return whole, deviation
        largest = max(1, min(largest - 1, int(largest * max_deviation / deviation)))


def _round_compensated(
    moments: Floats, gram: Floats, taps: list[int], start: Floats, weight_max: int
) -> Floats:
    rounded, left, weights, power = np.zeros(len(gram)), list(taps), start, np.diag(gram)
    while left:
        # Weights rounded first are compensated by most others: begin with the largest contribution.
        first = int(np.argmax(np.abs(weights) * np.sqrt(power[left])))
        tap = left.pop(first)
        rounded[tap] = np.clip(np.rint(weights[first]), -weight_max, weight_max)
        if left:
            weights = _solve(gram, left, moments[left] - gram[left] @ rounded)
    return rounded


def _solve(gram: Floats, taps: list[int], moments: Floats) -> Floats:
    block = gram[np.ix_(taps, taps)]
    return np.asarray(np.linalg.solve(block + _RIDGE * np.eye(len(taps)), moments), dtype=np.float64)
