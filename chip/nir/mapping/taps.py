"""Response of a membrane to one spike, as integer weights at several delays.

A neuron of the chip adds a weight at once and then leaks by 2^-n in whole units. Any other response, of another leak or
of a synaptic current, is approached by further synapses from delayed copies of the source: whenever the membrane of the
chip strays from the real one by the tolerance, a tap corrects it. The last tap ends the response, so that nothing of an
event is left for ever, whatever the leak.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Response", "Taps", "integer_taps"]

Integers = NDArray[np.int64]
# Responses that last longer are not matched: each step takes a neuron for each source.
MAX_STEPS = 200


@dataclass(frozen=True)
class Response:
    """Decay factors of a neuron and the leak of its cell.

    Args:
        alpha: decay factor of the synaptic current.
        beta: decay factor of the membrane.
        shift: n of the leak 2^-n of the cell; 0 for none.
    """

    alpha: float
    beta: float
    shift: int


@dataclass(frozen=True)
class Taps:
    """Integer weights of several sources at several delays.

    Args:
        source: position of each tap's source in the weights that were matched.
        delay: steps after the spike.
        weight: of each tap.
    """

    source: Integers
    delay: Integers
    weight: Integers


def integer_taps(
    weights: NDArray[np.float64], response: Response, tolerance: float, *, first: Integers | None = None
) -> Taps | None:
    """Match the response to one spike through each weight.

    Args:
        weights: of each source, in units of the chip.
        response: neuron to match.
        tolerance: largest deviation of the membrane, in units.
        first: membrane at the spike, if something else than a synapse sets it: the feedback of a spike.

    Returns:
        The taps, or None if the response lasts too long.
    """
    current, real = weights.astype(np.float64), weights.astype(np.float64)
    if first is not None:
        current = np.zeros_like(real)
    chip = np.zeros(weights.size, np.int64) if first is None else first.astype(np.int64)
    found: list[tuple[Integers, int, Integers]] = []
    for step in range(MAX_STEPS):
        following = response.beta * real + response.alpha * current
        if step or first is None:
            tap = _corrections(real, following, chip, tolerance, first_step=step == 0)
            ended = _ended(response, real, current, tolerance)
            tap = np.where(ended & (response.beta < 1), -chip, tap)
            chip = chip + tap
            chosen = np.flatnonzero(tap)
            if chosen.size:
                found.append((chosen, step, tap[chosen]))
            if ended.all():
                return _joined(found)
        current = response.alpha * current
        real = following
        chip = chip - np.sign(chip) * (np.abs(chip) >> response.shift) if response.shift else chip
    return None


def _corrections(
    real: NDArray[np.float64],
    following: NDArray[np.float64],
    chip: Integers,
    tolerance: float,
    *,
    first_step: bool,
) -> Integers:
    """Return what brings a membrane that strayed back, and ahead of where the real one goes."""
    if first_step:
        return np.round(real).astype(np.int64)
    # Multiples of one weight: taps of equal weight can share a synapse.
    quantum = max(1, round(1.9 * tolerance))
    strayed = np.abs(real - chip) >= max(tolerance, quantum / 2)
    ahead = np.sign(following - real) * quantum * 0.45
    # Not beyond rest: a decaying membrane does not change its sign.
    aim = np.where(real * (real + ahead) > 0, real + ahead, 0.0)
    off = np.round((aim - chip) / quantum).astype(np.int64) * quantum
    corrected: Integers = np.where(strayed, off, 0)
    return corrected


def _ended(
    response: Response, real: NDArray[np.float64], current: NDArray[np.float64], tolerance: float
) -> NDArray[np.bool_]:
    left = np.abs(current) * response.alpha / (1 - response.alpha)
    if response.beta == 1:
        return left < 0.5
    return (np.abs(real) < tolerance) & (left < tolerance)


def _joined(found: list[tuple[Integers, int, Integers]]) -> Taps:
    none = np.zeros(0, np.int64)
    return Taps(
        np.concatenate([none, *(source for source, _, _ in found)]),
        np.concatenate([none, *(np.full(source.size, step) for source, step, _ in found)]),
        np.concatenate([none, *(weight for _, _, weight in found)]),
    )
