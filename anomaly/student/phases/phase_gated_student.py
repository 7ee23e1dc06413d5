"""A student whose comparators have thresholds that depend on the phase of the machine's cycle.

A valve's click is normal in the click and a fault in the rest that follows. The teacher classifies phases; a tree of
thresholds of single levels (`decision_tree`) learns to classify them too, and gates (`gates`) move the threshold of
every comparator to its value in each. So a comparator holds one level x of a recent frame and fires where::

    s * x >= s * mean[phase] + c * deviation[phase]      sign s = +1 or -1

with c the deviation of a rare quantile of normal sound. Mean and deviation come from training sound; the thresholds, as
whole numbers, from quantiles of the membranes on held-out sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder
from anomaly.features.front_end import WARM_UP_FRAMES
from anomaly.features.mel import Centibels
from anomaly.student.arrays import Integers
from anomaly.student.circuit import Circuit
from anomaly.student.circuit_parts import PHASE_KIND, SumNeurons
from anomaly.student.closed_form.first_layer import delayed_taps
from anomaly.student.neuron_limits import NeuronLimits
from anomaly.student.phases.decision_tree import DecisionTree, grow_tree
from anomaly.student.phases.gates import GATE_LEAK, Gates, gates_for_boxes
from anomaly.student.phases.phase_bounds import (
    fit_bound_weights,
    phase_statistics,
    rare_deviations,
    warm_up_steps,
)

# Frames of delay of the tree's inputs.
_DELAYS = 2
# Delays of the frames with comparators: all but the newest, whose phase gates have not detected yet.
_COMPARED_DELAYS = (1, 2)
# One-sided quantiles of normal levels at which comparators fire, and the load of a spike for each.
_QUANTILES, _LOADS = (0.999, 0.9999), (1, 3)
# Most leaves of the tree; from 32 on the number hardly matters on simulated valves (docs/student.md).
_MAX_LEAVES = 40
# Least moments on either side of a split, and steps per moment.
_MIN_MOMENTS, _STEPS_PER_MOMENT = 30, 2
# Most steps of training sound that are used, spread over all of it: more do not change the statistics.
_MAX_STEPS = 150_000
# Smallest weight range with which the bounds of many phases can be represented (6 bits).
_MIN_WEIGHT_MAX = 31
# Smallest fan-in with which a gate can have six bounds, a split and its relay for each.
_MIN_FAN_IN = 12
# Weight of a synapse at splits and gates.
_UNIT = 8


@dataclass(frozen=True, eq=False)
class PhaseGatedStudent:
    """A student with phase-dependent thresholds.

    Args:
        circuit: its integers.
        phases: number of phases that it distinguishes.
    """

    circuit: Circuit
    phases: int


def supports_phase_gates(limits: NeuronLimits, bands: int) -> bool:
    """Return whether a chip has the leak, weights and fan-in that a phase-gated student needs."""
    counted = 2 * len(_QUANTILES) * len(_COMPARED_DELAYS) * -(-bands // SUB_BAND_GROUPS)
    return (
        GATE_LEAK in limits.leaks
        and limits.weight_max >= _MIN_WEIGHT_MAX
        and limits.fan_in >= max(counted, _MIN_FAN_IN)
    )


def fit_phase_gated_student(
    training: Sequence[Centibels],
    phase_labels: Sequence[npt.NDArray[np.int64]],
    held_out: Sequence[Centibels],
    code: DeltaCode,
    limits: NeuronLimits,
) -> PhaseGatedStudent | None:
    """Fit a student that distinguishes the teacher's phases.

    Args:
        training: segments [frames, bands] of normal sound.
        phase_labels: the teacher's number of the phase at each frame, an array [frames] for each segment.
        held_out: segments of other recordings, for the thresholds.
        code: encoder settings, without a leak.
        limits: of the chip.

    Returns:
        The student; None where phases cannot be distinguished, because a limit of the chip is too low or levels differ
        too little.
    """
    if code.leak or not supports_phase_gates(limits, code.bands):
        return None
    warm = WARM_UP_FRAMES + _DELAYS
    if not any(len(segment) > warm for segment in held_out):
        return None
    chosen = [n for n in _spread_over(training, code.micro_steps) if len(training[n]) > warm]
    if not chosen:
        return None
    levels = [_sent_levels(training[number][None], code)[0] for number in chosen]
    tree = _fit_tree(levels, [phase_labels[number] for number in chosen], code.micro_steps, limits)
    if len(tree.leaves) < 2:
        return None
    return PhaseGatedStudent(_fit_circuit(tree, levels, held_out, code, limits), len(tree.leaves))


def _spread_over(training: Sequence[Centibels], micro_steps: int) -> list[int]:
    """Choose segments spread over all, of `_MAX_STEPS` in total."""
    steps = sum(map(len, training)) * micro_steps
    return list(range(0, len(training), max(1, -(-steps // _MAX_STEPS))))


def _sent_levels(segments: npt.NDArray[np.int32], code: DeltaCode) -> Integers:
    """Return the levels of all taps as sum of events so far, [segments, steps, taps], of segments of one length."""
    events = DeltaEncoder(code, len(segments)).push(segments).reshape(len(segments), -1, code.bands)
    levels: Integers = delayed_taps(events, _DELAYS, code.micro_steps).cumsum(axis=1, dtype=np.int32)
    return levels


def _fit_tree(
    levels: Sequence[Integers],
    phase_labels: Sequence[npt.NDArray[np.int64]],
    micro_steps: int,
    limits: NeuronLimits,
) -> DecisionTree:
    """Fit a tree from levels to the teacher's phase of the frames with comparators.

    The teacher's window of a frame ends with it. The label of the window that ends one frame later is used: the frames
    with comparators are in its middle.
    """
    first = warm_up_steps(_DELAYS, micro_steps)
    moments, classes = [], []
    for part, labels in zip(levels, phase_labels, strict=True):
        later = np.concatenate([labels[1:], labels[-1:]]) if len(labels) else labels
        moments.append(part[first::_STEPS_PER_MOMENT])
        classes.append(np.repeat(later, micro_steps)[first::_STEPS_PER_MOMENT])
    return grow_tree(
        np.concatenate(moments),
        np.unique(np.concatenate(classes), return_inverse=True)[1].ravel(),
        max_leaves=_MAX_LEAVES,
        min_samples=_MIN_MOMENTS,
        max_conditions=limits.fan_in // 2,
        max_threshold=(limits.threshold_max + _UNIT // 2) // _UNIT,
    )


def _fit_circuit(
    tree: DecisionTree,
    levels: Sequence[Integers],
    held_out: Sequence[Centibels],
    code: DeltaCode,
    limits: NeuronLimits,
) -> Circuit:
    gates, outside = gates_for_boxes([node.box for node in tree.nodes[1:]], _UNIT)
    open_gates = tree.leaf_ancestors()[:, 1:] ^ outside
    taps = np.concatenate([delay * code.bands + np.arange(code.bands) for delay in _COMPARED_DELAYS])
    first = warm_up_steps(_DELAYS, code.micro_steps)
    means, spreads, share = phase_statistics(tree, levels, taps, first)
    rare = rare_deviations(tree, levels, taps, (means, spreads), _QUANTILES, first)
    bounds = [sign * means + times * spreads for sign in (1, -1) for times in rare]
    own, weights = fit_bound_weights(np.concatenate(bounds, axis=1), open_gates, share, limits)
    signs = np.repeat([1, -1], len(rare) * len(taps))
    tap_weights = np.zeros((len(own), (_DELAYS + 1) * code.bands), np.int32)
    tap_weights[np.arange(len(own)), np.tile(taps, 2 * len(rare))] = signs * own
    gates = replace(gates, comparator_weights=weights)
    groups = (taps % code.bands) * SUB_BAND_GROUPS // code.bands
    load = np.bincount(groups, minlength=SUB_BAND_GROUPS) * sum(_LOADS)
    return Circuit(
        bands=code.bands,
        micro_steps=code.micro_steps,
        delays=_DELAYS,
        kinds=(PHASE_KIND,),
        tap_weights=tap_weights,
        sums=SumNeurons.none(tap_weights.shape[1]),
        sum_weights=np.zeros((len(own), 0), np.int32),
        thresholds=_fit_thresholds(tap_weights, gates, held_out, code, limits),
        channels=np.tile(groups, 2 * len(rare)).astype(np.int32),
        loads=np.tile(np.repeat(np.array(_LOADS, np.int32), len(taps)), 2),
        divisors=np.clip(load, 1, (limits.threshold_max + 1) // 2).astype(np.int32),
        relay_weight=limits.weight_max,
        relay_leak=limits.relay_leak,
        gates=gates,
    )


def _fit_thresholds(
    tap_weights: Integers, gates: Gates, held_out: Sequence[Centibels], code: DeltaCode, limits: NeuronLimits
) -> Integers:
    """Fit thresholds to quantiles of the membranes on held-out sound."""
    first = WARM_UP_FRAMES * code.micro_steps
    parts = []
    for segment in held_out:
        levels = _sent_levels(segment[None], code)
        from_gates = gates.received_gates(levels)[0] @ gates.comparator_weights.T
        parts.append((levels[0] @ tap_weights.T + from_gates)[first:])
    membranes = np.concatenate(parts).reshape(
        -1, 2, len(_QUANTILES), len(tap_weights) // (2 * len(_QUANTILES))
    )
    # In quiet sound a level keeps one value for long: that value must be below the threshold.
    found = [
        np.quantile(membranes[:, :, n], q, axis=0, method="higher") + 1 for n, q in enumerate(_QUANTILES)
    ]
    thresholds: Integers = np.clip(np.stack(found, axis=1), 1, limits.threshold_max).astype(np.int32)
    return thresholds.reshape(-1)
