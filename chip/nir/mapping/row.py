"""One neuron in real numbers, and its integers by a scale of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.nir.discretise import DiscreteNeurons
from chip.nir.mapping.plan import Plan
from chip.nir.mapping.taps import Response, Taps, integer_taps

__all__ = ["NEAR", "NeuronRow", "ScaledRow", "with_taps"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
# Real numbers this near to an integer count as that integer.
NEAR = 1e-3
POWERS = 2.0 ** np.arange(-20, 21)
# Taps that share a synapse: its neuron passes one spike a step, and keeps others for the next.
TAPS_PER_GROUP = 4
# Synapses that a source takes at the very least where its response is matched by taps.
LEAST_SLOTS = 1.75


@dataclass(frozen=True)
class ScaledRow:
    """Integers of one neuron; see ``Quantised``.

    Args:
        first: weight with which a spike of each source begins.
        synapses: target, source, delay, weight and group, int64[5, synapse]; see ``Quantised``.
    """

    first: Floats
    synapses: Integers
    bias: int
    theta: int
    feedback: int
    scale: float
    error: float
    theta_error: float
    clipped: bool
    lost: int


@dataclass(frozen=True)
class NeuronRow:
    """One neuron in real numbers.

    Args:
        neuron: its number.
        own: its number as a source; the clock comes after the last source.
        clock: number of the clock as a source.
        weights: of its synapses, and its constant input as the last.
        source: of each weight, the last being the clock.
        delay: of each weight, in steps.
        theta: threshold that must be exceeded.
        feedback: amount that a spike subtracts.
        response: its decay factors and the leak of its cell.
        arch: ranges of the chip.
    """

    neuron: int
    own: int
    clock: int
    weights: Floats
    source: Integers
    delay: Integers
    theta: float
    feedback: float
    response: Response
    arch: ArchSpec

    @classmethod
    def of(cls, neurons: DiscreteNeurons, neuron: int, shift: int, arch: ArchSpec) -> NeuronRow:
        """Return one neuron of a population."""
        part = slice(neurons.weights.indptr[neuron], neurons.weights.indptr[neuron + 1])
        delay, source = np.divmod(neurons.weights.indices[part].astype(np.int64), neurons.n_sources)
        return cls(
            neuron=neuron,
            own=neurons.n_inputs + neuron,
            clock=neurons.n_sources,
            weights=np.append(neurons.weights.data[part], neurons.bias[neuron]),
            source=np.append(source, neurons.n_sources),
            delay=np.append(delay, 0),
            theta=float(neurons.theta[neuron]),
            feedback=float(neurons.feedback[neuron]),
            response=Response(float(neurons.alpha[neuron]), float(neurons.beta[neuron]), shift),
            arch=arch,
        )

    @property
    def filters(self) -> bool:
        """Return whether the response to a spike changes with time."""
        return self.response.alpha > 0 or self.response.beta < 1

    def scaled(self, copies: int) -> ScaledRow:
        """Scale and round; with as many copies of the sources as fit the fan-in, and bring the error down."""
        for most in sorted({copies, max(1, copies // 2), max(1, copies // 4), 1}, reverse=True):
            scale = _scale(self, self.arch.weight_max * most)
            whole, over = _rounded(self.weights * scale, self.arch.weight_max * most)
            if most == 1 or _fan_in(whole, self.arch) <= self.arch.neuron.fan_in.value:
                break
        chosen = np.flatnonzero(whole)
        parts = (
            np.full(chosen.size, self.neuron),
            self.source[chosen],
            self.delay[chosen],
            whole[chosen],
            0 * chosen,
        )
        return self.with_integers(scale, whole, np.stack(parts).astype(np.int64), over)

    def with_integers(self, scale: float, whole: Floats, synapses: Integers, over: bool) -> ScaledRow:
        """Return the row at a scale with the weights ``whole``."""
        aims = _thresholds(self.weights * scale, self.theta * scale, self.feedback * scale)
        theta, feedback = min(aims[0], self.arch.threshold_max), min(aims[1], self.arch.feedback_max)
        unit = max(self.theta * scale, 1.0)
        off = 0.0
        if not _near(np.append(self.weights, self.feedback) * scale):
            off = max(abs(theta - self.theta * scale), abs(feedback - self.feedback * scale)) / unit
        return ScaledRow(
            first=whole[:-1],
            synapses=synapses,
            bias=int(whole[-1]),
            theta=theta,
            feedback=feedback,
            scale=scale,
            error=float(np.abs(whole - self.weights * scale).max()) / unit,
            theta_error=off,
            clipped=over or (theta, feedback) != aims,
            lost=int(((whole == 0) & (self.weights != 0)).sum()),
        )


def with_taps(row: NeuronRow, plan: Plan) -> ScaledRow | None:
    """Match the responses of a neuron by taps, as closely as its fan-in allows; None if it does not at all."""
    if np.count_nonzero(row.weights) * LEAST_SLOTS > row.arch.neuron.fan_in.value or row.theta <= 0:
        return None
    scales = {_most(row, row.arch.weight_max * copies) for copies in (1, plan.copies)}
    for scale in sorted(scales, reverse=True):
        tolerance = max(0.5, plan.tolerance * row.theta * scale)
        if (found := _tapped(row, scale, tolerance)) is not None:
            return found
    return None


def _tapped(row: NeuronRow, scale: float, tolerance: float) -> ScaledRow | None:
    """Match all responses at one scale; None if the synapses exceed the fan-in."""
    real = row.weights * scale
    taps = integer_taps(real, row.response, tolerance)
    own = _own_taps(row, scale, tolerance)
    if taps is None or own is None:
        return None
    source = np.concatenate([row.source[taps.source], np.full(own.weight.size, row.own)])
    # A spike reaches its own neuron a step later in any case.
    delay = np.concatenate([row.delay[taps.source] + taps.delay, own.delay - 1])
    weight = np.concatenate([taps.weight, own.weight])
    keys, place = np.unique(np.stack([source, delay]), axis=1, return_inverse=True)
    total = np.bincount(place.ravel(), weights=weight, minlength=keys.shape[1]).astype(np.int64)
    keys, total = keys[:, total != 0], total[total != 0]
    group = np.zeros(total.size, np.int64)
    if (most := row.arch.neuron.fan_in.value) < _fan_in(total, row.arch):
        group = _grouped(keys[1], total, row.arch)
    direct = group == 0
    if _fan_in(total[direct], row.arch) + np.unique(group[~direct]).size > most:
        return None
    target = np.full((1, total.size), row.neuron)
    synapses = np.concatenate([target, keys, total[None], group[None]]).astype(np.int64)
    return row.with_integers(scale, np.round(real), synapses, over=False)


def _grouped(delay: Integers, weight: Integers, arch: ArchSpec) -> Integers:
    """Assign taps of equal weight to groups, each of which takes one synapse; 0 for none.

    The taps of a group lie far apart, so that spikes of one source seldom meet in it.
    """
    group, last = np.zeros(weight.size, np.int64), 0
    # The neuron that collects a group takes a step itself.
    able = (delay >= 1) & (np.abs(weight) <= arch.weight_max)
    for value in np.unique(weight[able]).tolist():
        members = np.flatnonzero(able & (weight == value))
        members = members[np.argsort(delay[members], kind="stable")]
        count = -(-members.size // TAPS_PER_GROUP)
        group[members] = last + 1 + np.arange(members.size) % count
        last += count
    return group


def _own_taps(row: NeuronRow, scale: float, tolerance: float) -> Taps | None:
    """Match the way in which the feedback of a spike fades."""
    feedback = np.array([-row.feedback * scale])
    if not feedback.any() or row.response.beta == 1:
        none = np.zeros(0, np.int64)
        return Taps(none, none, none)
    return integer_taps(feedback, row.response, tolerance, first=np.round(feedback).astype(np.int64))


def _fan_in(weights: NDArray[Any], arch: ArchSpec) -> int:
    """Count the synapses that weights take: one for each part within the range."""
    return int(np.ceil(np.abs(weights) / arch.weight_max).sum())


def _most(row: NeuronRow, weight_max: int) -> float:
    """Return the largest scale that the ranges allow; 1 if nothing limits it."""
    limits = [
        limit / value
        for limit, value in (
            (weight_max + 0.499, np.abs(row.weights).max()),
            (row.arch.threshold_max, row.theta),
            (row.arch.feedback_max, row.feedback),
        )
        if value > 0
    ]
    return float(min(limits, default=1.0))


def _scale(row: NeuronRow, weight_max: int) -> float:
    theta, feedback, leaky = row.theta, row.feedback, row.response.shift > 0
    if theta < 0:
        return 1.0
    most = _most(row, weight_max)
    powers = POWERS[most * (1 + NEAR) >= POWERS]
    if not leaky:
        for candidate in sorted(powers, key=lambda power: abs(np.log2(power))):
            if _near(row.weights * candidate) and _near(np.array([feedback * candidate])):
                return float(candidate)
    steps = np.arange(1, row.arch.threshold_max + 1) / theta if theta > 0 else np.zeros(0)
    candidates = np.unique(np.concatenate([steps[steps <= most], powers[-3:], [most]]))
    scaled = candidates[:, None] * row.weights
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
