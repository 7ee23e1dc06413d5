"""Normal range of each level in each phase, and the whole weights by which gates move comparators to its bounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anomaly.features.front_end import WARM_UP_FRAMES
from anomaly.student.arrays import Floats, Integers
from anomaly.student.closed_form.integer_weights import choose_taps, quantise_at_scale
from anomaly.student.neuron_limits import NeuronLimits
from anomaly.student.phases.decision_tree import DecisionTree
from anomaly.student.phases.gates import GATE_LATENCY_STEPS

# Steps of the variance over all phases that are added to the variance of each (an empirical Bayes prior).
_PRIOR_STEPS = 100.0
# Smallest variance of a level, in squared events: quantisation leaves it uniform within half an event up or down.
_EVENT_VARIANCE = 1.0 / 12.0
_RIDGE = 1e-4
# Share of a bound's variance that a gate must explain to get a synapse.
_MIN_GAIN = 1e-6
# Largest expected threshold as a share of the chip's limit: the quantiles of held-out sound may be higher.
_MAX_THRESHOLD_SHARE = 0.9


def phase_statistics(
    tree: DecisionTree, levels: Sequence[Integers], taps: npt.NDArray[np.int64], first: int
) -> tuple[Floats, Floats, Floats]:
    """Compute mean and deviation of each level in each leaf, and the leaf's share of the time.

    Args:
        tree: phase from levels.
        levels: of all taps as they have been sent, arrays [steps, taps].
        taps: taps of the levels whose range is computed, [errors].
        first: steps that are left out after a reset.

    Returns:
        Means and standard deviations [leaves, errors], shares [leaves].
    """
    leaves, errors = len(tree.leaves), len(taps)
    count, total, square = np.zeros((leaves, 1)), np.zeros((leaves, errors)), np.zeros((leaves, errors))
    for part in levels:
        values, leaf = _values_with_leaf(tree, part, taps, first)
        one_hot = np.eye(leaves)[leaf]
        count += one_hot.sum(axis=0)[:, None]
        total += one_hot.T @ values
        square += one_hot.T @ values.astype(np.float64) ** 2
    means = total / np.maximum(count, 1.0)
    within = np.maximum(square - count * means**2, 0.0)
    pooled = within.sum(axis=0) / max(float(count.sum()), 1.0)
    variances = (within + _PRIOR_STEPS * pooled) / (count + _PRIOR_STEPS)
    spreads = np.sqrt(np.maximum(variances, _EVENT_VARIANCE))
    return means, spreads, np.asarray((count[:, 0] + 1.0) / (count.sum() + leaves))


def rare_deviations(
    tree: DecisionTree,
    levels: Sequence[Integers],
    taps: npt.NDArray[np.int64],
    statistics: tuple[Floats, Floats],
    quantiles: Sequence[float],
    first: int,
) -> list[float]:
    """Return the deviations from a phase's mean, in its standard deviations, at one-sided quantiles of normal sound.

    Args:
        tree, levels, taps, first: as of `phase_statistics`.
        statistics: means and standard deviations, [leaves, errors].
        quantiles: one-sided.
    """
    means, spreads = statistics
    relative = []
    for part in levels:
        values, leaf = _values_with_leaf(tree, part, taps, first)
        relative.append((np.abs(values - means[leaf]) / spreads[leaf]).astype(np.float32).ravel())
    two_sided = [1.0 - 2.0 * (1.0 - quantile) for quantile in quantiles]
    return [float(value) for value in np.quantile(np.concatenate(relative), two_sided)]


def _values_with_leaf(
    tree: DecisionTree, levels: Integers, taps: npt.NDArray[np.int64], first: int
) -> tuple[Integers, npt.NDArray[np.int64]]:
    """Return levels [steps, errors], and the index of the leaf whose gate is open at comparators then, [steps]."""
    index = np.zeros(len(tree.nodes), np.int64)
    index[tree.leaves] = np.arange(len(tree.leaves))
    leaf = tree.leaf_of(levels[first - GATE_LATENCY_STEPS : -GATE_LATENCY_STEPS])
    return levels[first:, taps], index[leaf]


def warm_up_steps(delays: int, micro_steps: int) -> int:
    """Return the steps after a reset in which levels of delayed taps are not yet settled."""
    return (WARM_UP_FRAMES + delays) * micro_steps


def fit_bound_weights(
    bounds: Floats, open_gates: npt.NDArray[np.bool_], share: Floats, limits: NeuronLimits
) -> tuple[Integers, Integers]:
    """Fit whole weights with which a comparator's threshold follows a bound from phase to phase.

    Nested gates represent the bounds of many phases with fewer synapses than there are phases.

    Args:
        bounds: of each comparator in each leaf, [leaves, comparators].
        open_gates: whether each gate is open in each leaf, [leaves, gates].
        share: of the time in each leaf, [leaves].
        limits: of the chip.

    Returns:
        Weights of the comparator's own level, [comparators], and of gates, [comparators, gates].
    """
    centred = open_gates - share @ open_gates
    gram = centred.T @ (centred * share[:, None]) + _RIDGE * np.eye(open_gates.shape[1])
    uses, costs = np.zeros(open_gates.shape[1], np.int32), np.ones(open_gates.shape[1])
    own, weights = np.ones(bounds.shape[1], np.int32), np.zeros((bounds.shape[1], len(gram)), np.int32)
    for number, bound in enumerate(bounds.T):
        target = np.linalg.solve(gram, -centred.T @ (share * (bound - share @ bound)))
        costs[uses >= limits.fan_out] = np.inf
        allowed = bool(np.isfinite(costs).any())
        gates = choose_taps(target, gram, costs, limits.fan_in - 1, _MIN_GAIN) if allowed else []
        exact = np.linalg.solve(gram[np.ix_(gates, gates)], gram[gates] @ target)
        # The bound with all gates closed is the threshold: neither it nor a weight may exceed the chip's limits.
        height = share @ bound + share @ open_gates[:, gates] @ exact
        scale = min(
            limits.weight_max / max(float(np.abs(exact).max(initial=0.0)), 1.0),
            _MAX_THRESHOLD_SHARE * limits.threshold_max / max(float(height), 1.0),
        )
        own[number] = max(1, int(scale))
        weights[number] = quantise_at_scale(float(own[number]), target, gram, gates, limits.weight_max)
        uses += weights[number] != 0
    return own, weights
