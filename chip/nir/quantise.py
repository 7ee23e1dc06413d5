"""Quantisation of real weights and thresholds to the integers of a chip, with a scale for each neuron."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.nir.convolution import Matrix
from chip.nir.discretise import DiscreteNeurons

__all__ = ["Quantised", "quantise", "real_leaks", "shifts_of"]

Floats = NDArray[np.float64]
# Real numbers this near to an integer count as that integer.
NEAR = 1e-3
POWERS = 2.0 ** np.arange(-20, 21)


@dataclass(frozen=True)
class Quantised:
    """Integers of every neuron, and their errors.

    Args:
        weights: floats without fraction, in the sparsity pattern of the real weights; some may be 0.
        bias: of every neuron.
        theta: of every neuron.
        feedback: of every neuron.
        scale: integer steps per unit of the real membrane.
        error: largest error of a weight or bias of each neuron, as a share of its threshold.
        theta_error: error of threshold and feedback, the larger, as a share of the threshold.
        clipped: whether a weight, threshold or feedback was beyond the range even so.
    """

    weights: Matrix
    bias: NDArray[np.int64]
    theta: NDArray[np.int64]
    feedback: NDArray[np.int64]
    scale: Floats
    error: Floats
    theta_error: Floats
    clipped: NDArray[np.bool_]


def shifts_of(keep: Floats, arch: ArchSpec) -> NDArray[np.int64]:
    """Choose the leak 2^-n nearest to 1 - beta for each neuron; n = 0 is no leak."""
    choices = np.array(sorted(arch.neuron.decay_shifts.value))
    leaks = np.where(choices > 0, 0.5**choices, 0.0)
    nearest: NDArray[np.int64] = choices[np.abs((1 - keep)[:, None] - leaks).argmin(axis=1)]
    return nearest


def real_leaks(shifts: NDArray[np.int64]) -> Floats:
    """Return the decay factor of a membrane under each shift."""
    kept: Floats = np.where(shifts > 0, 1 - 0.5**shifts, 1.0)
    return kept


def quantise(neurons: DiscreteNeurons, arch: ArchSpec, leaky: NDArray[np.bool_]) -> Quantised:
    """Scale the neurons one by one and round.

    A scale that makes all values integers is chosen if there is one, 1 before others; otherwise the one with the least
    squared error, which includes the fraction that a leak drops.
    """
    weights = neurons.weights.copy()
    bias, theta, feedback = (np.zeros(neurons.count, np.int64) for _ in range(3))
    scale, error, theta_error = (np.zeros(neurons.count) for _ in range(3))
    clipped = np.zeros(neurons.count, np.bool_)
    for neuron in range(neurons.count):
        part = slice(weights.indptr[neuron], weights.indptr[neuron + 1])
        row = np.append(weights.data[part], neurons.bias[neuron])
        real = neurons.theta[neuron], neurons.feedback[neuron]
        chosen = _scale(row, *real, arch, bool(leaky[neuron]))
        whole, over = _rounded(row * chosen, arch.weight_max)
        aims = _thresholds(row * chosen, real[0] * chosen, real[1] * chosen)
        theta[neuron] = min(aims[0], arch.threshold_max)
        feedback[neuron] = min(aims[1], arch.feedback_max)
        weights.data[part], bias[neuron] = whole[:-1], int(whole[-1])
        scale[neuron] = chosen
        clipped[neuron] = over or (int(theta[neuron]), int(feedback[neuron])) != aims
        unit = max(real[0] * chosen, 1.0)
        error[neuron] = np.abs(whole - row * chosen).max() / unit
        if not _near(np.append(row, real[1]) * chosen):
            off = theta[neuron] - real[0] * chosen, feedback[neuron] - real[1] * chosen
            theta_error[neuron] = np.abs(off).max() / unit
    return Quantised(weights, bias, theta, feedback, scale, error, theta_error, clipped)


def _scale(row: Floats, theta: float, feedback: float, arch: ArchSpec, leaky: bool) -> float:
    if theta < 0:
        return 1.0
    limits = [
        limit / value
        for limit, value in (
            (arch.weight_max + 0.499, np.abs(row).max()),
            (arch.threshold_max, theta),
            (arch.feedback_max, feedback),
        )
        if value > 0
    ]
    most = min(limits, default=1.0)
    powers = POWERS[most * (1 + NEAR) >= POWERS]
    if not leaky:
        for candidate in sorted(powers, key=lambda power: abs(np.log2(power))):
            if _near(row * candidate) and _near(np.array([feedback * candidate])):
                return float(candidate)
    steps = np.arange(1, arch.threshold_max + 1) / theta if theta > 0 else np.zeros(0)
    candidates = np.unique(np.concatenate([steps[steps <= most], powers[-3:], [most]]))
    scaled = candidates[:, None] * row
    unit = np.maximum(candidates * theta, 1.0)
    cost = np.square((scaled - np.round(scaled)) / unit[:, None]).mean(axis=1)
    for value in (theta, feedback):
        cost += np.square((candidates * value - np.round(candidates * value)) / unit)
    # A leak drops up to one unit a step, half a unit on average.
    cost += np.square(0.5 / unit) if leaky else 0.0
    return float(candidates[cost.argmin()])


def _rounded(scaled: Floats, limit: int) -> tuple[Floats, bool]:
    whole = np.round(scaled)
    clipped = np.clip(whole, -limit, limit)
    return clipped, bool((clipped != whole).any())


def _thresholds(scaled: Floats, theta: float, feedback: float) -> tuple[int, int]:
    """Round threshold and feedback: NIR requires more than the threshold, the chip at least the threshold."""
    if theta < 0:
        return 0, max(0, round(feedback))
    # On whole numbers "more than 4" is "at least 5"; a threshold a hair below 5 means 5.
    level = int(np.floor(theta)) + 1 if _near(scaled) else max(1, round(theta))
    return level, round(feedback)


def _near(values: Floats) -> bool:
    """Return whether all are near integers, and not merely near 0."""
    whole = np.round(values)
    return bool((np.abs(values - whole) <= NEAR).all() and (whole.any() or not values.any()))
