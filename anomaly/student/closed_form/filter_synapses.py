"""A row of real weights over taps on the chip: a few synapses at each comparator, the rest summed once for all.

Many comparators want the same row, each at a threshold of its own. The heaviest taps go to every one of them, so that
their membranes follow the newest events at once and to the last unit; what those few miss is small, and one signed
neuron sums it up and passes it on, one synapse for each comparator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from anomaly.student.closed_form.integer_weights import Floats, Integers, choose_taps, quantise_within

# One spike of a sum is worth this share of the standard deviation of what it sums up.
_QUANTUM = 0.6
# The highest threshold that a row must be able to have, in its standard deviations.
_HIGHEST = 4.0
# Of what direct synapses miss, a synapse of the sum explains this share at least, times the cost of its wire.
_LEAST_OF_REST = 1e-3


@dataclass(frozen=True)
class SynapseLimits:
    """What a row may use.

    Args:
        direct: synapses at each comparator.
        fan_in: synapses of the sum.
        least_gain: share of the row's variance that a direct synapse must be good for, times the cost of its wire.
        weight_max, threshold_max: of the chip.
    """

    direct: int
    fan_in: int
    least_gain: float
    weight_max: int
    threshold_max: int


@dataclass(frozen=True, eq=False)
class FilterSynapses:
    """Rows as whole numbers.

    Args:
        direct: weights at each comparator, [rows, taps].
        rest: weights of each row's sum, [rows, taps]; zeros where there is none.
        quanta: membrane units of one spike of each sum, [rows].
        shares: weight of such a spike at a comparator, [rows]; 0 where there is no sum.
        deviations: of what comparators hold on normal sound, [rows].
    """

    direct: Integers
    rest: Integers
    quanta: Integers
    shares: Integers
    deviations: Floats

    def held(self, taps: Floats) -> Floats:
        """What comparators hold of levels [..., taps], as if sums had no quanta, [..., rows]."""
        return np.asarray(taps @ (self.direct + self.rest * (self.shares / self.quanta)[:, None]).T)


def fit_filter_synapses(
    wanted: Floats,
    gram: Floats,
    wires: SynapseLimits,
    costs: Callable[[int, Integers], tuple[Floats, Floats]],
) -> FilterSynapses:
    """Whole weights for each row.

    Args:
        wanted: real weights, [rows, taps].
        gram: second moments of the taps, with their noise.
        wires: what each row may use.
        costs: of a wire from each tap to the row's comparators and to its sum, given a row and how many rows
            listen to each tap so far.
    """
    uses = np.zeros(wanted.shape[1], np.int32)
    direct, rest = np.zeros(wanted.shape, np.int32), np.zeros(wanted.shape, np.int32)
    quanta, shares = np.ones(len(wanted), np.int32), np.zeros(len(wanted), np.int32)
    deviations = np.ones(len(wanted))
    for number, row in enumerate(wanted):
        to_comparators, to_sum = costs(number, uses)
        chosen = choose_taps(row, gram, to_comparators, wires.direct, wires.least_gain)
        direct[number], deviations[number] = quantise_within(
            row, gram, chosen, wires.weight_max, wires.threshold_max / _HIGHEST
        )
        found = _rest(row, direct[number], gram, wires, to_sum)
        if found is not None:
            rest[number], quanta[number], shares[number] = found
            whole = direct[number] + rest[number] * (shares[number] / quanta[number])
            deviations[number] = np.sqrt(whole @ gram @ whole)
        uses += (direct[number] != 0) | (rest[number] != 0)
    return FilterSynapses(direct, rest, quanta, shares, deviations)


def _rest(
    row: Floats, direct: Integers, gram: Floats, wires: SynapseLimits, price: Floats
) -> tuple[Integers, int, int] | None:
    """Weights, quantum and share of the sum of what direct synapses miss; None where that is next to nothing."""
    scale = float(direct @ gram @ direct) / max(float(row @ gram @ direct), 1e-12)
    left = scale * row - direct
    deviation = float(np.sqrt(max(float(left @ gram @ left), 0.0)))
    if deviation * _QUANTUM < 1.0 or wires.fan_in < 1:
        return None
    share = int(np.clip(np.rint(_QUANTUM * deviation), 1, wires.weight_max))
    chosen = choose_taps(left, gram, price, wires.fan_in, _LEAST_OF_REST)
    most = wires.threshold_max * deviation / share
    whole, _ = quantise_within(left, gram, chosen, wires.weight_max, most)
    per_unit = float(whole @ gram @ whole) / max(float(left @ gram @ whole), 1e-12)
    return whole, int(np.clip(np.rint(share * per_unit), 1, wires.threshold_max)), share


def repeat_with_signs(values: Integers, times: int, signs: Sequence[int] = (1,)) -> Integers:
    """The rows of some values, again and again, with each sign in turn."""
    made: Integers = np.concatenate([sign * values for sign in signs for _ in range(times)]).astype(np.int32)
    return made
