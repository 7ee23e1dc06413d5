"""Quantisation of real weights and thresholds to the integers of a chip, with a scale for each neuron."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.nir.convolution import Matrix
from chip.nir.discretise import DiscreteNeurons
from chip.nir.mapping.plan import PLANS, Plan
from chip.nir.mapping.row import NEAR, NeuronRow, with_taps

__all__ = ["NEAR", "Quantised", "quantise", "real_leaks", "shifts_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Quantised:
    """Integers of every neuron, and their errors.

    Args:
        weights: floats without fraction, in the sparsity pattern of the real weights; some may be 0. Of a neuron with
            taps: the weight with which a spike begins.
        synapses: target, source, delay in steps, weight and group of each synapse, int64[5, synapse]; sources as in
            ``DiscreteNeurons``, after the last the clock, and one that fires in every second
            step; synapses of one target and one group other than 0 have the
            same weight and share a synapse.
        shifts: n of the leak 2^-n of each neuron, 0 for none.
        bias: of every neuron.
        theta: of every neuron.
        feedback: of every neuron.
        scale: integer steps per unit of the real membrane.
        error: largest error of a weight or bias of each neuron, as a share of its threshold; with taps: of the
            membrane after one event.
        theta_error: error of threshold and feedback, the larger, as a share of the threshold.
        clipped: whether a weight, threshold or feedback was beyond the range even so.
        lost: number of weights of each neuron that became 0.
    """

    weights: Matrix
    synapses: NDArray[np.int64]
    shifts: NDArray[np.int64]
    bias: NDArray[np.int64]
    theta: NDArray[np.int64]
    feedback: NDArray[np.int64]
    scale: Floats
    error: Floats
    theta_error: Floats
    clipped: NDArray[np.bool_]
    lost: NDArray[np.int64]


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


def quantise(neurons: DiscreteNeurons, arch: ArchSpec, plan: Plan = PLANS[0]) -> Quantised | None:
    """Scale the neurons one by one and round.

    A scale that makes all values integers is chosen if there is one, 1 before others; otherwise the one with the least
    squared error, which includes the fraction that a leak drops.

    Returns:
        The integers, or None if the plan asks for taps that the neurons cannot have.
    """
    shifts = shifts_of(neurons.beta, arch) if plan.leak else np.zeros(neurons.count, np.int64)
    rows = [NeuronRow.of(neurons, neuron, int(shifts[neuron]), arch) for neuron in range(neurons.count)]
    chosen = []
    for row in rows:
        scaled = with_taps(row, plan) if plan.taps and row.filters else row.scaled(plan.copies)
        if scaled is None:
            return None
        chosen.append(scaled)
    weights = neurons.weights.copy()
    weights.data = np.concatenate([np.zeros(0), *(one.first for one in chosen)])

    def column(name: str, kind: type[np.generic]) -> NDArray[Any]:
        return np.array([getattr(one, name) for one in chosen], kind)

    synapses = [np.zeros((5, 0), np.int64), *(one.synapses for one in chosen)]
    if plan.rounds:
        synapses.append(_rounding(neurons, shifts))
    return Quantised(
        weights=weights,
        synapses=np.concatenate(synapses, axis=1),
        shifts=shifts,
        bias=column("bias", np.int64),
        theta=column("theta", np.int64),
        feedback=column("feedback", np.int64),
        scale=column("scale", np.float64),
        error=column("error", np.float64),
        theta_error=column("theta_error", np.float64),
        clipped=column("clipped", np.bool_),
        lost=column("lost", np.int64),
    )


def _rounding(neurons: DiscreteNeurons, shifts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return synapses that take 1 in every second step from each neuron that leaks."""
    leaky = np.flatnonzero(shifts)
    ones = np.ones_like(leaky)
    return np.stack([leaky, ones * (neurons.n_sources + 1), 0 * ones, -ones, 0 * ones])
