"""A student that holds each frame against the phase of the machine's cycle that it is in: its thresholds move.

What a valve's click does is no fault in the click, and one in the rest that follows. The teacher knows the phases; a
tree of thresholds of single levels (`tree`) learns to tell them apart, and gates (`gates`) move the threshold of every
comparator to where it belongs in each. So a comparator holds one level, against a bound of its own for every phase:
the level's mean there, and as many standard deviations as are rare. Mean and deviation come from training sound, the
last step to whole numbers from what the membranes hold on held-out sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder
from anomaly.features.front_end import WARM_UP_FRAMES
from anomaly.features.mel import Centibels
from anomaly.student.circuit import PHASE_KIND, Circuit, SumNeurons
from anomaly.student.closed_form.first_layer import delayed_taps
from anomaly.student.closed_form.integer_weights import Floats, Integers, choose_taps, quantise_at_scale
from anomaly.student.neuron_limits import NeuronLimits
from anomaly.student.phases.decision_tree import DecisionTree, grow_tree
from anomaly.student.phases.gates import GATE_LATENCY_STEPS, GATE_LEAK, Gates, gates_for_boxes

# Frames of delay: the tree looks at all, judged are all but the newest, of which gates know nothing yet.
_DELAYS = 2
_JUDGED = (1, 2)
# Of the errors of normal sound, this share is not beyond; and what a spike counts.
_QUANTILES, _LOADS = (0.999, 0.9999), (1, 3)
_LEAVES = 40
# Moments on either side of a split, and of how many steps one is a moment.
_LEAST_MOMENTS, _STEPS_A_MOMENT = 30, 2
# So many steps of all phases together are added to the variance of each.
_PRIOR_STEPS = 100.0
# No more sound than this is looked at; more says the same again.
_MOST_STEPS = 150_000
# Coarser weights cannot tell bounds of many phases apart.
_LEAST_WEIGHT_MAX = 31
_UNIT = 8
_RIDGE = 1e-4
# What thresholds are expected to be at most, of what they can be: held-out sound has the last word.
_HIGHEST = 0.9


@dataclass(frozen=True, eq=False)
class PhaseGatedStudent:
    """A student that tells phases.

    Args:
        circuit: its integers.
        phases: how many it tells.
    """

    circuit: Circuit
    phases: int


def supports_phase_gates(limits: NeuronLimits, bands: int) -> bool:
    """Whether a chip has what this student is made of."""
    counted = 2 * len(_QUANTILES) * len(_JUDGED) * -(-bands // SUB_BAND_GROUPS)
    return (
        GATE_LEAK in limits.leaks
        and limits.weight_max >= _LEAST_WEIGHT_MAX
        and limits.fan_in >= max(counted, 12)
    )


def fit_phase_gated_student(
    training: Sequence[Centibels],
    phases: Sequence[npt.NDArray[np.int64]],
    held_out: Sequence[Centibels],
    code: DeltaCode,
    limits: NeuronLimits,
) -> PhaseGatedStudent | None:
    """Build a student that tells the teacher's phases apart.

    Args:
        training: segments [frames, bands] of normal sound.
        phases: the teacher's number of the phase around each frame, an array [frames] for each segment.
        held_out: segments of other recordings, for the thresholds.
        code: encoder settings, without a leak.
        limits: of the chip.

    Returns:
        The student; None where phases cannot be told, because the chip has too little of something or levels differ
        too little.
    """
    if code.leak or not supports_phase_gates(limits, code.bands):
        return None
    warm = WARM_UP_FRAMES + _DELAYS
    if not any(len(segment) > warm for segment in held_out):
        return None
    chosen = [n for n in _enough(training, code.micro_steps) if len(training[n]) > warm]
    if not chosen:
        return None
    heard = [_held(training[number][None], code)[0] for number in chosen]
    tree = _tree(heard, [phases[number] for number in chosen], code.micro_steps, limits)
    if len(tree.leaves) < 2:
        return None
    return PhaseGatedStudent(_circuit(tree, heard, held_out, code, limits), len(tree.leaves))


def _enough(training: Sequence[Centibels], micro_steps: int) -> list[int]:
    """Which segments are looked at, spread over all."""
    steps = sum(map(len, training)) * micro_steps
    return list(range(0, len(training), max(1, -(-steps // _MOST_STEPS))))


def _held(segments: npt.NDArray[np.int32], code: DeltaCode) -> Integers:
    """Levels of all taps as they have been sent, in events, [segments, steps, taps], of segments of one length."""
    events = DeltaEncoder(code, len(segments)).push(segments).reshape(len(segments), -1, code.bands)
    held: Integers = delayed_taps(events, _DELAYS, code.micro_steps).cumsum(axis=1, dtype=np.int32)
    return held


def _tree(
    heard: Sequence[Integers], phases: Sequence[npt.NDArray[np.int64]], micro_steps: int, limits: NeuronLimits
) -> DecisionTree:
    """Tells from levels which phase the teacher hears around the frames that are judged.

    The teacher's window of a frame ends with it. The phase of the window that ends a frame later is asked for: in its
    midst are the frames that are judged.
    """
    first = (WARM_UP_FRAMES + _DELAYS) * micro_steps
    moments, classes = [], []
    for levels, phase in zip(heard, phases, strict=True):
        later = np.concatenate([phase[1:], phase[-1:]]) if len(phase) else phase
        moments.append(levels[first::_STEPS_A_MOMENT])
        classes.append(np.repeat(later, micro_steps)[first::_STEPS_A_MOMENT])
    return grow_tree(
        np.concatenate(moments),
        np.unique(np.concatenate(classes), return_inverse=True)[1].ravel(),
        most_leaves=_LEAVES,
        least=_LEAST_MOMENTS,
        most_conditions=limits.fan_in // 2,
        most_height=(limits.threshold_max + _UNIT // 2) // _UNIT,
    )


def _circuit(
    tree: DecisionTree,
    heard: Sequence[Integers],
    held_out: Sequence[Centibels],
    code: DeltaCode,
    limits: NeuronLimits,
) -> Circuit:
    gates, outside = gates_for_boxes([node.box for node in tree.nodes[1:]], _UNIT)
    # Which gates are open in each leaf.
    patterns = tree.within()[:, 1:] ^ outside
    judged = np.concatenate([delay * code.bands + np.arange(code.bands) for delay in _JUDGED])
    means, spreads, share = _tables(tree, heard, judged, code.micro_steps)
    rare = _rare(tree, heard, judged, (means, spreads), code.micro_steps)
    bounds = [sign * means + times * spreads for sign in (1, -1) for times in rare]
    own, weights = _fitted(np.concatenate(bounds, axis=1), patterns, share, limits)
    signs = np.repeat([1, -1], len(rare) * len(judged))
    direct = np.zeros((len(own), (_DELAYS + 1) * code.bands), np.int32)
    direct[np.arange(len(own)), np.tile(judged, 2 * len(rare))] = signs * own
    gates = Gates(gates.taps, gates.heights, gates.needs, gates.least, weights, gates.unit)
    groups = (judged % code.bands) * SUB_BAND_GROUPS // code.bands
    load = np.bincount(groups, minlength=SUB_BAND_GROUPS) * sum(_LOADS)
    return Circuit(
        bands=code.bands,
        micro_steps=code.micro_steps,
        delays=_DELAYS,
        kinds=(PHASE_KIND,),
        weights=direct,
        sums=SumNeurons.none(direct.shape[1]),
        heard=np.zeros((len(own), 0), np.int32),
        thresholds=_thresholds(direct, gates, held_out, code, limits),
        channels=np.tile(groups, 2 * len(rare)).astype(np.int32),
        loads=np.tile(np.repeat(np.array(_LOADS, np.int32), len(judged)), 2),
        divisors=np.clip(load, 1, (limits.threshold_max + 1) // 2).astype(np.int32),
        relay_weight=limits.weight_max,
        relay_leak=limits.relay_leak,
        gates=gates,
    )


def _judged_with_leaf(
    tree: DecisionTree, levels: Integers, judged: npt.NDArray[np.int64], micro_steps: int
) -> tuple[Integers, npt.NDArray[np.int64]]:
    """Levels that are judged, [steps, errors], and the number among the leaves that is heard with each, [steps]."""
    first = (WARM_UP_FRAMES + _DELAYS) * micro_steps
    number = np.zeros(len(tree.nodes), np.int64)
    number[tree.leaves] = np.arange(len(tree.leaves))
    return levels[first:, judged], number[
        tree.leaf_of(levels[first - GATE_LATENCY_STEPS : -GATE_LATENCY_STEPS])
    ]


def _tables(
    tree: DecisionTree, heard: Sequence[Integers], judged: npt.NDArray[np.int64], micro_steps: int
) -> tuple[Floats, Floats, Floats]:
    """Mean and deviation of each level in each leaf, [leaves, errors], and the leaf's share of the time, [leaves]."""
    leaves, errors = len(tree.leaves), len(judged)
    count, total, square = np.zeros((leaves, 1)), np.zeros((leaves, errors)), np.zeros((leaves, errors))
    for levels in heard:
        held, which = _judged_with_leaf(tree, levels, judged, micro_steps)
        member = np.eye(leaves)[which]
        count += member.sum(axis=0)[:, None]
        total += member.T @ held
        square += member.T @ held.astype(np.float64) ** 2
    means = total / np.maximum(count, 1.0)
    within = np.maximum(square - count * means**2, 0.0)
    usual = within.sum(axis=0) / max(float(count.sum()), 1.0)
    variances = (within + _PRIOR_STEPS * usual) / (count + _PRIOR_STEPS)
    # A level that never moves is known to an event, not better.
    spreads = np.sqrt(np.maximum(variances, 1.0 / 12.0))
    return means, spreads, np.asarray((count[:, 0] + 1.0) / (count.sum() + leaves))


def _rare(
    tree: DecisionTree,
    heard: Sequence[Integers],
    judged: npt.NDArray[np.int64],
    tables: tuple[Floats, Floats],
    micro_steps: int,
) -> list[float]:
    """How many deviations from the mean of their phase levels have to be, to be as rare as the quantiles say."""
    means, spreads = tables
    off = []
    for levels in heard:
        held, which = _judged_with_leaf(tree, levels, judged, micro_steps)
        off.append((np.abs(held - means[which]) / spreads[which]).astype(np.float32).ravel())
    wanted = [1.0 - 2.0 * (1.0 - quantile) for quantile in _QUANTILES]
    return [float(value) for value in np.quantile(np.concatenate(off), wanted)]


def _fitted(
    bounds: Floats, patterns: npt.NDArray[np.bool_], share: Floats, limits: NeuronLimits
) -> tuple[Integers, Integers]:
    """Whole weights of each comparator: of its level, [comparators], and of gates, [comparators, gates].

    Nested gates say a bound of many phases with fewer synapses than there are phases.
    """
    centred = patterns - share @ patterns
    gram = centred.T @ (centred * share[:, None]) + _RIDGE * np.eye(patterns.shape[1])
    uses, costs = np.zeros(patterns.shape[1], np.int32), np.ones(patterns.shape[1])
    own, weights = np.ones(bounds.shape[1], np.int32), np.zeros((bounds.shape[1], len(gram)), np.int32)
    for number, bound in enumerate(bounds.T):
        row = np.linalg.solve(gram, -centred.T @ (share * (bound - share @ bound)))
        costs[uses >= limits.fan_out] = np.inf
        offered = bool(np.isfinite(costs).any())
        taps = choose_taps(row, gram, costs, limits.fan_in - 1, 1e-6) if offered else []
        exact = np.linalg.solve(gram[np.ix_(taps, taps)], gram[taps] @ row)
        # The bound where all gates are shut is the threshold: neither it nor a weight may be too large.
        height = share @ bound + share @ patterns[:, taps] @ exact
        heaviest = min(
            limits.weight_max / max(float(np.abs(exact).max(initial=0.0)), 1.0),
            _HIGHEST * limits.threshold_max / max(float(height), 1.0),
        )
        own[number] = max(1, int(heaviest))
        weights[number] = quantise_at_scale(float(own[number]), row, gram, taps, limits.weight_max)
        uses += weights[number] != 0
    return own, weights


def _thresholds(
    direct: Integers, gates: Gates, held_out: Sequence[Centibels], code: DeltaCode, limits: NeuronLimits
) -> Integers:
    """Thresholds from quantiles of what membranes hold on held-out sound."""
    first = WARM_UP_FRAMES * code.micro_steps
    parts = []
    for segment in held_out:
        levels = _held(segment[None], code)
        parts.append((levels[0] @ direct.T + gates.told(levels)[0] @ gates.weights.T)[first:])
    held = np.concatenate(parts).reshape(-1, 2, len(_QUANTILES), len(direct) // (2 * len(_QUANTILES)))
    # Where sound is still, a level stands on one value for long: what it stands on must not be beyond.
    found = [np.quantile(held[:, :, n], q, axis=0, method="higher") + 1 for n, q in enumerate(_QUANTILES)]
    heights: Integers = np.clip(np.stack(found, axis=1), 1, limits.threshold_max).astype(np.int32)
    return heights.reshape(-1)
