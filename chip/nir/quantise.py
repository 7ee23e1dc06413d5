"""From real weights and thresholds to the integers of a chip, each neuron by a scale of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.nir.convolution import Matrix
from chip.nir.units import Units

__all__ = ["Quantised", "quantise", "real_leaks", "shifts_of"]

Floats = NDArray[np.float64]
# Real numbers this near to integers, in steps of the integer, are taken for these.
NEAR = 1e-3
POWERS = 2.0 ** np.arange(-20, 21)


@dataclass(frozen=True)
class Quantised:
    """Integers of every neuron, and how far they are from what was wanted.

    Args:
        weights: as floats without fraction, in the pattern of the given matrix; some may be 0.
        bias: of every neuron.
        theta: of every neuron.
        fall: of every neuron.
        scale: integer steps per unit of the real membrane.
        error: largest error of a weight or bias of each neuron, as a share of its threshold.
        theta_error: error of threshold and fall, the larger, as a share of the threshold.
        clipped: whether a weight, threshold or fall was beyond the range even so.
    """

    weights: Matrix
    bias: NDArray[np.int64]
    theta: NDArray[np.int64]
    fall: NDArray[np.int64]
    scale: Floats
    error: Floats
    theta_error: Floats
    clipped: NDArray[np.bool_]


def shifts_of(keep: Floats, arch: ArchSpec) -> NDArray[np.int64]:
    """The leak 2^-n nearest to 1 - keep for each neuron; n = 0 is no leak."""
    choices = np.array(sorted(arch.neuron.decay_shifts.value))
    leaks = np.where(choices > 0, 0.5**choices, 0.0)
    nearest: NDArray[np.int64] = choices[np.abs((1 - keep)[:, None] - leaks).argmin(axis=1)]
    return nearest


def real_leaks(shifts: NDArray[np.int64]) -> Floats:
    """What a membrane keeps under each shift."""
    kept: Floats = np.where(shifts > 0, 1 - 0.5**shifts, 1.0)
    return kept


def quantise(units: Units, arch: ArchSpec, leaky: NDArray[np.bool_]) -> Quantised:
    """Scale the neurons one by one and round.

    A scale at which all is whole is taken if there is one, unscaled before others; otherwise the one with the
    least squared error, to which a leak adds what its dropped fraction is worth.
    """
    weights = units.weights.copy()
    bias, theta, fall = (np.zeros(units.count, np.int64) for _ in range(3))
    scale, error, theta_error = (np.zeros(units.count) for _ in range(3))
    clipped = np.zeros(units.count, np.bool_)
    for neuron in range(units.count):
        part = slice(weights.indptr[neuron], weights.indptr[neuron + 1])
        row = np.append(weights.data[part], units.bias[neuron])
        real = units.theta[neuron], units.fall[neuron]
        chosen = _scale(row, *real, arch, bool(leaky[neuron]))
        whole, over = _rounded(row * chosen, arch.weight_max)
        aims = _thresholds(row * chosen, real[0] * chosen, real[1] * chosen)
        theta[neuron] = min(aims[0], arch.threshold_max)
        fall[neuron] = min(aims[1], arch.feedback_max)
        weights.data[part], bias[neuron] = whole[:-1], int(whole[-1])
        scale[neuron] = chosen
        clipped[neuron] = over or (int(theta[neuron]), int(fall[neuron])) != aims
        unit = max(real[0] * chosen, 1.0)
        error[neuron] = np.abs(whole - row * chosen).max() / unit
        if not _near(np.append(row, real[1]) * chosen):
            off = theta[neuron] - real[0] * chosen, fall[neuron] - real[1] * chosen
            theta_error[neuron] = np.abs(off).max() / unit
    return Quantised(weights, bias, theta, fall, scale, error, theta_error, clipped)


def _scale(row: Floats, theta: float, fall: float, arch: ArchSpec, leaky: bool) -> float:
    if theta < 0:
        return 1.0
    limits = [
        limit / value
        for limit, value in (
            (arch.weight_max + 0.499, np.abs(row).max()),
            (arch.threshold_max, theta),
            (arch.feedback_max, fall),
        )
        if value > 0
    ]
    most = min(limits, default=1.0)
    powers = POWERS[most * (1 + NEAR) >= POWERS]
    if not leaky:
        for candidate in sorted(powers, key=lambda power: abs(np.log2(power))):
            if _near(row * candidate) and _near(np.array([fall * candidate])):
                return float(candidate)
    steps = np.arange(1, arch.threshold_max + 1) / theta if theta > 0 else np.zeros(0)
    candidates = np.unique(np.concatenate([steps[steps <= most], powers[-3:], [most]]))
    scaled = candidates[:, None] * row
    unit = np.maximum(candidates * theta, 1.0)
    cost = np.square((scaled - np.round(scaled)) / unit[:, None]).mean(axis=1)
    for value in (theta, fall):
        cost += np.square((candidates * value - np.round(candidates * value)) / unit)
    # A leak drops up to one unit a step, half a unit on average.
    cost += np.square(0.5 / unit) if leaky else 0.0
    return float(candidates[cost.argmin()])


def _rounded(scaled: Floats, limit: int) -> tuple[Floats, bool]:
    whole = np.round(scaled)
    clipped = np.clip(whole, -limit, limit)
    return clipped, bool((clipped != whole).any())


def _thresholds(scaled: Floats, theta: float, fall: float) -> tuple[int, int]:
    """Threshold and fall as integers: NIR asks for more than the threshold, the chip for no less."""
    if theta < 0:
        return 0, max(0, round(fall))
    # On whole numbers "more than 4" is "at least 5"; a threshold a hair below 5 means 5.
    level = int(np.floor(theta)) + 1 if _near(scaled) else max(1, round(theta))
    return level, round(fall)


def _near(values: Floats) -> bool:
    """Whether all are whole, and not merely because they are next to nothing."""
    whole = np.round(values)
    return bool((np.abs(values - whole) <= NEAR).all() and (whole.any() or not values.any()))
