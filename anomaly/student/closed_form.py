"""The student in closed form, in seconds: the start of distillation, and what it has to beat.

Whitened errors with few whole weights each, thresholds that follow what the frames before lead to expect, and their
heights from quantiles of what the neurons do on *held-out* normal sound, micro-step by micro-step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.detect.pooling import GROUPS
from anomaly.errors import ModelError
from anomaly.features.delta import DeltaCode
from anomaly.features.mel import Centibels
from anomaly.student.circuit import SLOW, Circuit, Limits, Sums
from anomaly.student.membranes import Heard, membranes
from anomaly.student.rounding import Floats, Integers
from anomaly.student.rows import Rows, Wires, fit_rows, tiled
from anomaly.student.scales import FLOOR, Widths, fit_widths
from anomaly.student.slow import slow_neurons
from anomaly.student.whitening import check_kinds, furthest, whitening_rows

# Least step of the encoder, 0.2 dB: bands that hardly move must not turn noise into events.
_LEAST_STEP = 20
# Bands that errors hardly weigh need not be sent in larger steps than those that they weigh with so much.
_LEAST_WEIGHED = 0.3
# Synapses of a comparator with one tap of its own.
_LEAST_FAN_IN = 3
# Variance of a level that is known to half an event up or down, in events.
_EVENT_NOISE = 1 / 12


@dataclass(frozen=True)
class ClosedFormPlan:
    """Settings of the closed form.

    Args:
        kinds: of errors, in the order of `KINDS`.
        step: size of an event: it moves a typical error by this many standard deviations.
        micro_steps: events per frame and band, which is also relays per frame of delay.
        quantiles: of the error on held-out normals at which comparators fire, one of each sign for each.
        loads: what a spike beyond each quantile counts.
        slow: n of the leak 2^-n a frame of neurons that remember which way errors lean, 0 for none of them.
        direct: synapses of a comparator that come straight from bands and relays.
        fan_in: synapses of a sum, at most the chip's.
        least_gain: share of an error's variance that a synapse must be good for, times the cost of its wire.
        stride: every how many bands have errors of their own; all of them are heard by those.
        wire_cost: how much dearer a synapse is for each band that lies between its ends; 0 is blind to wires.

    Raises:
        ModelError: kinds are unknown or out of order, quantiles and loads differ in number, or a number makes no
            sense.
    """

    kinds: tuple[str, ...] = ("change",)
    step: float = 0.3
    micro_steps: int = 4
    quantiles: tuple[float, ...] = (0.8, 0.95, 0.99)
    loads: tuple[int, ...] = (1, 2, 3)
    slow: int = 4
    direct: int = 6
    fan_in: int = 25
    least_gain: float = 1e-5
    stride: int = 1
    wire_cost: float = 0.0

    def __post_init__(self) -> None:
        if (
            not check_kinds(self.kinds)
            or not self.quantiles
            or len(self.quantiles) != len(self.loads)
            or not all(0 < quantile < 1 for quantile in self.quantiles)
            or min(*self.loads, self.stride, self.direct, self.fan_in, self.micro_steps) < 1
            or not 0 < self.step < np.inf
            or not min(self.least_gain, self.wire_cost, self.slow) >= 0
        ):
            raise ModelError(
                f"no plan for a student: {self}",
                hint="kinds in order, as many loads as quantiles, counts of at least 1, a step above 0",
            )


def delta_code(segments: Sequence[Centibels], plan: ClosedFormPlan) -> DeltaCode:
    """Encoder settings from training levels: where each band starts and how large one event is.

    A band that errors weigh heavily is sent in finer steps.
    """
    everything = np.concatenate(segments).astype(np.float64)
    deviation = _deviation(everything)
    bands = len(deviation)
    rows = whitening_rows(_moments(segments, furthest(plan.kinds)), bands, plan.kinds)
    weighed = np.sqrt((rows**2).reshape(len(rows), -1, bands).sum(axis=1).mean(axis=0))
    step = plan.step / np.maximum(weighed, _LEAST_WEIGHED)
    events = np.maximum(np.rint(step * deviation), _LEAST_STEP).astype(np.int32)
    return DeltaCode(np.rint(everything.mean(axis=0)).astype(np.int32), events, plan.micro_steps, True)


def closed_form(
    training: Sequence[Centibels],
    held_out: Sequence[Centibels],
    code: DeltaCode,
    plan: ClosedFormPlan,
    limits: Limits,
) -> Circuit:
    """Build a student from levels of normal sound.

    Args:
        training: segments [frames, bands] the errors are fitted on.
        held_out: segments of other recordings, for the thresholds.
        code: encoder settings, from `delta_code` with the same plan.
        plan: settings of the closed form.
        limits: of the chip.

    Raises:
        ModelError: the chip's neurons have too few synapses.
    """
    if limits.fan_in < _LEAST_FAN_IN:
        raise ModelError(
            f"a chip whose neurons have {limits.fan_in} synapses is too small for any student",
            hint=f"a comparator needs at least {_LEAST_FAN_IN}: one of its own, its sum and its scale",
        )
    own = np.arange(0, code.bands, plan.stride)
    kinds = np.repeat(np.arange(len(plan.kinds)), len(own))
    channels = (kinds * GROUPS + np.tile(own * GROUPS // code.bands, len(plan.kinds))).astype(np.int32)
    delays = furthest(plan.kinds)
    rows = _whole_rows(training, code, plan, limits)
    widths = _widths(training, code, (rows, channels), plan, limits)
    heard = membranes(held_out, code, rows, widths, delays)
    # Both signs of an error come one after the other, each with all of its thresholds.
    each = len(plan.quantiles)
    thresholds, allowed = _thresholds(heard, widths.shares[channels], channels, plan, limits)
    loads = np.minimum(np.array(plan.loads), max(1, limits.weight_max // 2)).astype(np.int32)
    # A comparator listens to the sum of its own row, and to the scale of its channel.
    to_rest = tiled(np.diag(rows.shares), each, (1, -1))
    to_scale = np.zeros((len(to_rest), len(widths.quanta)), np.int32)
    to_scale[np.arange(len(to_scale)), np.tile(channels, 2 * each)] = -allowed
    fed, slow = channels, None
    if leak := _slow_leak(plan, limits):
        leaning = (len(plan.kinds) * GROUPS + channels % GROUPS).astype(np.int32)
        lean = heard.leanings(thresholds, allowed, channels, loads)
        slow = slow_neurons(lean, leaning, (plan.quantiles, loads), limits, heard.first, leak)
        fed = np.concatenate([channels, leaning])
    told = plan.kinds if slow is None else (*plan.kinds, SLOW)
    # Both signs are beyond their thresholds at once only where a hall is much quieter than it ever was, and then
    # the read-out is on all the time anyway.
    load = np.bincount(fed, minlength=len(told) * GROUPS) * int(loads.sum())
    return Circuit(
        bands=code.bands,
        micro_steps=code.micro_steps,
        delays=delays,
        kinds=told,
        weights=tiled(rows.direct, each, (1, -1)),
        sums=Sums(np.concatenate([rows.rest, widths.weights]), np.concatenate([rows.quanta, widths.quanta])),
        heard=np.concatenate([to_rest, to_scale], axis=1),
        thresholds=thresholds,
        channels=np.tile(channels, 2 * each),
        loads=np.tile(np.repeat(loads, len(channels)), 2).astype(np.int32),
        divisors=np.clip(load, 1, (limits.threshold_max + 1) // 2).astype(np.int32),
        relay_weight=limits.weight_max,
        relay_leak=limits.relay_leak,
        slow=slow,
    )


def _slow_leak(plan: ClosedFormPlan, limits: Limits) -> int:
    """The leak a step that is nearest to what is asked for; 0 where slow neurons are not wanted or cannot forget."""
    wanted = plan.slow + round(float(np.log2(plan.micro_steps)))
    return min(limits.leaks, key=lambda n: abs(n - wanted)) if plan.slow and limits.leaks else 0


def _thresholds(
    heard: Heard,
    shares: Floats,
    channels: Integers,
    plan: ClosedFormPlan,
    limits: Limits,
) -> tuple[Integers, Integers]:
    """Thresholds of the comparators from quantiles, and what a spike of their scale adds to each."""
    held, told = heard.warm()
    wide = np.maximum(1.0 + told[:, channels] * shares, FLOOR)
    standard = held / wide
    thresholds, allowed = [], []
    for sign in (1, -1):
        for quantile in plan.quantiles:
            height = np.rint(np.quantile(sign * standard, quantile, axis=0))
            level = np.clip(height, 1, limits.threshold_max)
            thresholds.append(level.astype(np.int32))
            allowed.append(np.minimum(np.rint(level * shares), limits.weight_max).astype(np.int32))
    return np.concatenate(thresholds), np.concatenate(allowed)


def _widths(
    training: Sequence[Centibels],
    code: DeltaCode,
    errors: tuple[Rows, Integers],
    plan: ClosedFormPlan,
    limits: Limits,
) -> Widths:
    rows, channels = errors
    delays = furthest(plan.kinds)
    taps = _stacked([(segment - code.mean) / code.threshold for segment in training], delays)
    gram = taps.T @ taps / max(len(taps), 1) + _EVENT_NOISE * np.eye(taps.shape[1])
    costs = np.ones(taps.shape[1])
    uses = _uses(rows, 2 * len(plan.quantiles))
    # Every channel may still come to listen to a tap; and what a frame itself holds must not excuse it.
    full = uses > limits.fan_out - 1 - len(np.unique(channels))
    costs[full | (np.arange(len(costs)) < code.bands)] = np.inf
    sizes = (min(plan.fan_in, limits.fan_in), limits.weight_max, limits.threshold_max)
    return fit_widths(taps, rows.held(taps) / rows.deviations, channels, gram, sizes, costs)


def _uses(rows: Rows, comparators: int) -> npt.NDArray[np.int64]:
    """Synapses that leave each tap for rows."""
    found: npt.NDArray[np.int64] = comparators * (rows.direct != 0).sum(axis=0) + (rows.rest != 0).sum(axis=0)
    return found


def _deviation(everything: Floats) -> Floats:
    return np.asarray(np.maximum(everything.std(axis=0), 1.0))


def _stacked(segments: Sequence[Floats], delays: int) -> Floats:
    """A frame and those before it as taps, of all segments that are long enough, [frames, taps]."""
    parts = [
        np.concatenate([s[delays - d : len(s) - d] for d in range(delays + 1)], axis=1)
        for s in segments
        if len(s) > delays
    ]
    return np.concatenate(parts)


def _moments(segments: Sequence[Centibels], delays: int) -> Floats:
    """Second moments of standardised levels of a frame and those before it, [taps, taps]."""
    everything = np.concatenate(segments).astype(np.float64)
    mean, deviation = everything.mean(axis=0), _deviation(everything)
    total, count = np.zeros(((delays + 1) * len(mean),) * 2), 0
    for segment in segments:
        if len(segment) > delays:
            taps = _stacked([(segment - mean) / deviation], delays)
            total += taps.T @ taps
            count += len(taps)
    return np.asarray(total / max(count, 1) + 1e-6 * np.eye(len(total)))


def _whole_rows(training: Sequence[Centibels], code: DeltaCode, plan: ClosedFormPlan, limits: Limits) -> Rows:
    """Integer weights of every error."""
    delays = furthest(plan.kinds)
    deviation = _deviation(np.concatenate(training).astype(np.float64))
    event = np.tile(code.threshold / deviation, delays + 1)
    moments = _moments(training, delays)
    gram = moments / np.outer(event, event) + _EVENT_NOISE * np.eye(len(moments))
    rows = whitening_rows(moments, code.bands, plan.kinds) * event
    own = np.tile(np.arange(code.bands), len(plan.kinds))
    kept = own % plan.stride == 0
    rows, own = rows[kept], own[kept]
    # A comparator has synapses for its sum and its scale too.
    direct = max(1, min(plan.direct, limits.fan_in - 2))
    wires = Wires(
        direct, min(plan.fan_in, limits.fan_in), plan.least_gain, limits.weight_max, limits.threshold_max
    )
    # A tap feeds a relay and scales too, and every row's own band is always on offer.
    most_uses = (limits.fan_out - 1 - len(plan.kinds) * (GROUPS + 1)) // (2 * len(plan.quantiles) + 1)

    def costs(number: int, uses: Integers) -> Floats:
        price = 1.0 + plan.wire_cost * np.abs(np.arange(len(gram)) % code.bands - own[number])
        price[(uses >= most_uses) & (np.arange(len(gram)) != own[number])] = np.inf
        return np.asarray(price)

    return fit_rows(rows, gram, wires, costs)
