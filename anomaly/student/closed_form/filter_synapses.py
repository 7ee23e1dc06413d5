"""A linear filter as synapses of the chip: a few at each comparator, the residual in one shared sum neuron.

Several comparators need the same filter, each with a threshold of its own. The heaviest taps go to every one of them,
so that their membranes follow the newest events at once and to the last unit; the residual that those few miss is
small, and one signed neuron sums it up and passes it on, one synapse for each comparator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from anomaly.student.arrays import Floats, Integers
from anomaly.student.closed_form.integer_weights import choose_taps, quantise_within

# Quantum of a sum: the value of one spike, as a share of the standard deviation of the residual.
_QUANTUM = 0.6
# The highest threshold that must be representable, in standard deviations of the filter's output.
_MAX_THRESHOLD = 4.0
# Share of the residual's variance that a synapse of the sum must explain, times the cost of its wire.
_MIN_RESIDUAL_GAIN = 1e-3


@dataclass(frozen=True)
class SynapseLimits:
    """Limits of the synapses of one filter.

    Args:
        direct_fan_in: synapses at each comparator.
        sum_fan_in: synapses of the sum.
        min_gain: share of the filter's output variance that a direct synapse must explain, times the cost of its wire.
        weight_max, threshold_max: of the chip.
    """

    direct_fan_in: int
    sum_fan_in: int
    min_gain: float
    weight_max: int
    threshold_max: int


@dataclass(frozen=True, eq=False)
class FilterSynapses:
    """Filters as whole numbers.

    Args:
        direct: weights at each comparator, [filters, taps].
        residual: weights of each filter's sum, [filters, taps]; zeros where there is none.
        quanta: membrane units of one spike of each sum, [filters].
        spike_weights: weight of such a spike at a comparator, [filters]; 0 where there is no sum.
        deviations: standard deviation of comparators' membranes on normal sound, [filters].
    """

    direct: Integers
    residual: Integers
    quanta: Integers
    spike_weights: Integers
    deviations: Floats

    def outputs(self, taps: Floats) -> Floats:
        """Return the membranes of comparators for levels [..., taps], sums not quantised, [..., filters]."""
        return np.asarray(
            taps @ (self.direct + self.residual * (self.spike_weights / self.quanta)[:, None]).T
        )


def fit_filter_synapses(
    filters: Floats,
    gram: Floats,
    limits: SynapseLimits,
    costs: Callable[[int, Integers], tuple[Floats, Floats]],
) -> FilterSynapses:
    """Fit whole weights to each filter.

    Args:
        filters: real weights, [filters, taps].
        gram: second moments of the taps, including their quantisation noise.
        limits: of the synapses of each filter.
        costs: wire cost from each tap to the filter's comparators and to its sum, given the number of the filter and
            how many filters use each tap so far.
    """
    uses = np.zeros(filters.shape[1], np.int32)
    direct, residual = np.zeros(filters.shape, np.int32), np.zeros(filters.shape, np.int32)
    quanta, spike_weights = np.ones(len(filters), np.int32), np.zeros(len(filters), np.int32)
    deviations = np.ones(len(filters))
    for number, weights in enumerate(filters):
        to_comparators, to_sum = costs(number, uses)
        chosen = choose_taps(weights, gram, to_comparators, limits.direct_fan_in, limits.min_gain)
        direct[number], deviations[number] = quantise_within(
            weights, gram, chosen, limits.weight_max, limits.threshold_max / _MAX_THRESHOLD
        )
        found = _fit_residual(weights, direct[number], gram, limits, to_sum)
        if found is not None:
            residual[number], quanta[number], spike_weights[number] = found
            whole = direct[number] + residual[number] * (spike_weights[number] / quanta[number])
            deviations[number] = np.sqrt(whole @ gram @ whole)
        uses += (direct[number] != 0) | (residual[number] != 0)
    return FilterSynapses(direct, residual, quanta, spike_weights, deviations)


def _fit_residual(
    weights: Floats, direct: Integers, gram: Floats, limits: SynapseLimits, costs: Floats
) -> tuple[Integers, int, int] | None:
    """Fit the sum of what direct synapses miss: weights, quantum and spike weight; None where that is negligible."""
    scale = float(direct @ gram @ direct) / max(float(weights @ gram @ direct), 1e-12)
    left = scale * weights - direct
    deviation = float(np.sqrt(max(float(left @ gram @ left), 0.0)))
    if deviation * _QUANTUM < 1.0 or limits.sum_fan_in < 1:
        return None
    spike_weight = int(np.clip(np.rint(_QUANTUM * deviation), 1, limits.weight_max))
    chosen = choose_taps(left, gram, costs, limits.sum_fan_in, _MIN_RESIDUAL_GAIN)
    max_deviation = limits.threshold_max * deviation / spike_weight
    whole, _ = quantise_within(left, gram, chosen, limits.weight_max, max_deviation)
    per_unit = float(whole @ gram @ whole) / max(float(left @ gram @ whole), 1e-12)
    return whole, int(np.clip(np.rint(spike_weight * per_unit), 1, limits.threshold_max)), spike_weight


def repeat_with_signs(values: Integers, times: int, signs: Sequence[int] = (1,)) -> Integers:
    """Repeat an array along its first axis, with each sign in turn, [len(signs) * times * len(values), ...]."""
    repeated: Integers = np.concatenate([sign * values for sign in signs for _ in range(times)]).astype(
        np.int32
    )
    return repeated
