"""The student in closed form, in seconds: the start of distillation, and what it has to beat.

Whitened errors with few whole weights each, thresholds that follow what the frames before lead to expect, and their
heights from quantiles of what the neurons do on *held-out* normal sound, micro-step by micro-step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.front_end import WARM_UP_FRAMES
from anomaly.features.mel import Centibels
from anomaly.student.circuit import DRIFT_KIND, Circuit, DriftIntegrators, SumNeurons
from anomaly.student.closed_form.drift_integrators import fit_drift_integrators
from anomaly.student.closed_form.filter_synapses import (
    FilterSynapses,
    SynapseLimits,
    fit_filter_synapses,
    repeat_with_signs,
)
from anomaly.student.closed_form.first_layer import MembraneInput, first_layer_input
from anomaly.student.closed_form.integer_weights import Floats, Integers
from anomaly.student.closed_form.plan import ClosedFormPlan, frame_to_step_leak, limit_thresholds
from anomaly.student.closed_form.scale_predictor import (
    MIN_RELATIVE_SCALE,
    ScalePredictor,
    fit_scale_predictor,
)
from anomaly.student.closed_form.tap_wire_costs import TapWireCosts
from anomaly.student.closed_form.whitening_filters import fit_whitening_filters, max_delay
from anomaly.student.neuron_limits import NeuronLimits

# Least step of the encoder, 0.2 dB: bands that hardly move must not turn noise into events.
_LEAST_STEP = 20
# Bands that errors hardly weigh need not be sent in larger steps than those that they weigh with so much.
_LEAST_WEIGHED = 0.3
# Synapses of a comparator with one tap of its own.
_LEAST_FAN_IN = 3
# Share of all changes from frame to frame that the events of a frame must be able to follow.
_KEPT_UP = 0.97
# Variance of a level that is known to half an event up or down, in events.
_EVENT_NOISE = 1 / 12


def delta_code(segments: Sequence[Centibels], plan: ClosedFormPlan) -> DeltaCode:
    """Encoder settings from training levels: where each band starts and how large one event is.

    A band that errors weigh heavily is sent in finer steps; steps are larger where events could not keep up otherwise.
    """
    everything = np.concatenate(segments).astype(np.float64)
    deviation = _deviation(everything)
    bands = len(deviation)
    rows = fit_whitening_filters(_moments(segments, max_delay(plan.kinds)), bands, plan.kinds)
    weighed = np.sqrt((rows**2).reshape(len(rows), -1, bands).sum(axis=1).mean(axis=0))
    step = plan.step / np.maximum(weighed, _LEAST_WEIGHED)
    moved = np.concatenate([np.abs(np.diff(one[WARM_UP_FRAMES:], axis=0)) for one in segments])
    changes = moved / (step * deviation)
    if changes.size:
        step = step * max(1.0, float(np.quantile(changes, _KEPT_UP)) / plan.micro_steps)
    events = np.maximum(np.rint(step * deviation), _LEAST_STEP).astype(np.int32)
    mean = np.rint(everything.mean(axis=0)).astype(np.int32)
    return DeltaCode(mean, events, plan.micro_steps, True, plan.leak_per_step)


def closed_form(
    training: Sequence[Centibels],
    held_out: Sequence[Centibels],
    code: DeltaCode,
    plan: ClosedFormPlan,
    limits: NeuronLimits,
    prices: TapWireCosts | None = None,
) -> Circuit:
    """Build a student from levels of normal sound.

    Args:
        training: segments [frames, bands] the errors are fitted on.
        held_out: segments of other recordings, for the thresholds.
        code: encoder settings, from `delta_code` with the same plan.
        plan: settings of the closed form.
        limits: of the chip.
        prices: of the wires to each tap, where a student was placed before.

    Raises:
        ModelError: the chip's neurons have too few synapses, or not the encoder's leak.
    """
    _check(code, limits)
    plan = limit_thresholds(plan, code.bands, limits)
    own = np.arange(0, code.bands, plan.stride)
    kinds = np.repeat(np.arange(len(plan.kinds)), len(own))
    channels = (
        kinds * SUB_BAND_GROUPS + np.tile(own * SUB_BAND_GROUPS // code.bands, len(plan.kinds))
    ).astype(np.int32)
    delays = max_delay(plan.kinds)
    rows = _whole_rows(training, code, plan, limits, prices)
    widths = _widths(training, code, (rows, channels), plan, limits, prices)
    heard = first_layer_input(held_out, code, rows, widths, delays)
    # Both signs of an error come one after the other, each with all of its thresholds.
    each = len(plan.quantiles)
    thresholds, allowed = _thresholds(heard, widths.shares[channels], channels, plan, limits)
    loads = np.minimum(np.array(plan.loads), max(1, limits.weight_max // 2)).astype(np.int32)
    fed, slow = _leaning(heard, (thresholds, allowed), channels, loads, plan, limits)
    told = plan.kinds if slow is None else (*plan.kinds, DRIFT_KIND)
    # Both signs are beyond their thresholds at once only where a hall is much quieter than it ever was, and then
    # the read-out is on all the time anyway.
    load = np.bincount(fed, minlength=len(told) * SUB_BAND_GROUPS) * int(loads.sum())
    return Circuit(
        bands=code.bands,
        micro_steps=code.micro_steps,
        delays=delays,
        kinds=told,
        weights=repeat_with_signs(rows.direct, each, (1, -1)),
        sums=SumNeurons(
            np.concatenate([rows.rest, widths.weights]), np.concatenate([rows.quanta, widths.quanta])
        ),
        heard=_heard(rows, channels, allowed, len(widths.quanta)),
        thresholds=thresholds,
        channels=np.tile(channels, 2 * each),
        loads=np.tile(np.repeat(loads, len(channels)), 2).astype(np.int32),
        divisors=np.clip(load, 1, (limits.threshold_max + 1) // 2).astype(np.int32),
        leak=code.leak,
        relay_weight=limits.weight_max,
        relay_leak=limits.relay_leak,
        slow=slow,
    )


def _check(code: DeltaCode, limits: NeuronLimits) -> None:
    if limits.fan_in < _LEAST_FAN_IN:
        raise ModelError(
            f"a chip whose neurons have {limits.fan_in} synapses is too small for any student",
            hint=f"a comparator needs at least {_LEAST_FAN_IN}: one of its own, its sum and its scale",
        )
    if code.leak and code.leak not in limits.leaks:
        raise ModelError(
            f"the encoder counts on a leak of 2^-{code.leak} per step, and the chip has none such",
            hint=f"it has n = {', '.join(map(str, limits.leaks)) or 'none'}; a plan's leak may be 0, for none",
        )


def _heard(rows: FilterSynapses, channels: Integers, allowed: Integers, scales: int) -> Integers:
    """Weights from sums to comparators: each listens to the sum of its own row, and to the scale of its channel."""
    each = len(allowed) // len(channels)
    to_rest = repeat_with_signs(np.diag(rows.shares), each // 2, (1, -1))
    to_scale = np.zeros((len(to_rest), scales), np.int32)
    to_scale[np.arange(len(to_scale)), np.tile(channels, each)] = -allowed
    return np.concatenate([to_rest, to_scale], axis=1)


def _leaning(
    heard: MembraneInput,
    heights: tuple[Integers, Integers],
    channels: Integers,
    loads: Integers,
    plan: ClosedFormPlan,
    limits: NeuronLimits,
) -> tuple[Integers, DriftIntegrators | None]:
    """Slow neurons, if there are to be any, and the read-outs of all errors, theirs included."""
    leak = _slow_leak(plan, limits)
    if not leak:
        return channels, None
    own = (len(plan.kinds) * SUB_BAND_GROUPS + channels % SUB_BAND_GROUPS).astype(np.int32)
    lean = heard.leanings(*heights, channels, loads)
    slow = fit_drift_integrators(lean, own, (plan.quantiles, loads), limits, heard.first, leak)
    return np.concatenate([channels, own]), slow


def _slow_leak(plan: ClosedFormPlan, limits: NeuronLimits) -> int:
    """The leak a step that is nearest to what is asked for; 0 where slow neurons are not wanted or cannot forget."""
    wanted = frame_to_step_leak(plan.slow, plan.micro_steps)
    return min(limits.leaks, key=lambda n: abs(n - wanted)) if plan.slow and limits.leaks else 0


def _thresholds(
    heard: MembraneInput,
    shares: Floats,
    channels: Integers,
    plan: ClosedFormPlan,
    limits: NeuronLimits,
) -> tuple[Integers, Integers]:
    """Thresholds of the comparators from quantiles, and what a spike of their scale adds to each."""
    held, told = heard.warm()
    wide = np.maximum(1.0 + told[:, channels] * shares, MIN_RELATIVE_SCALE)
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
    errors: tuple[FilterSynapses, Integers],
    plan: ClosedFormPlan,
    limits: NeuronLimits,
    prices: TapWireCosts | None = None,
) -> ScalePredictor:
    rows, channels = errors
    delays = max_delay(plan.kinds)
    taps = _stacked([(segment - code.mean) / code.threshold for segment in training], delays)
    gram = taps.T @ taps / max(len(taps), 1) + _EVENT_NOISE * np.eye(taps.shape[1])
    costs = np.ones(taps.shape[1])
    uses = _uses(rows, 2 * len(plan.quantiles))
    # Every channel may still come to listen to a tap; and what a frame itself holds must not excuse it.
    full = uses > limits.fan_out - 1 - len(np.unique(channels))
    costs[full | (np.arange(len(costs)) < code.bands)] = np.inf
    sizes = (min(plan.fan_in, limits.fan_in), limits.weight_max, limits.threshold_max)
    price = np.tile(costs, (len(plan.kinds) * SUB_BAND_GROUPS, 1))
    if prices is not None:
        price = price * prices.scale
    return fit_scale_predictor(taps, rows.held(taps) / rows.deviations, channels, gram, sizes, price)


def _uses(rows: FilterSynapses, comparators: int) -> npt.NDArray[np.int64]:
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


def target_filters(
    training: Sequence[Centibels], code: DeltaCode, plan: ClosedFormPlan
) -> tuple[Floats, Floats, Integers]:
    """Real weights of errors in events, second moments of taps with their noise, and the band of each error."""
    delays = max_delay(plan.kinds)
    deviation = _deviation(np.concatenate(training).astype(np.float64))
    event = np.tile(code.threshold / deviation, delays + 1)
    moments = _moments(training, delays)
    gram = moments / np.outer(event, event) + _EVENT_NOISE * np.eye(len(moments))
    rows = fit_whitening_filters(moments, code.bands, plan.kinds) * event
    own = np.tile(np.arange(code.bands, dtype=np.int32), len(plan.kinds))
    kept = own % plan.stride == 0
    return rows[kept], gram, own[kept]


def _whole_rows(
    training: Sequence[Centibels],
    code: DeltaCode,
    plan: ClosedFormPlan,
    limits: NeuronLimits,
    prices: TapWireCosts | None = None,
) -> FilterSynapses:
    """Integer weights of every error."""
    rows, gram, own = target_filters(training, code, plan)
    # A comparator has synapses for its sum and its scale too.
    direct = max(1, min(plan.direct, limits.fan_in - 2))
    wires = SynapseLimits(
        direct, min(plan.fan_in, limits.fan_in), plan.least_gain, limits.weight_max, limits.threshold_max
    )
    # A tap feeds a relay and scales too, and every row's own band is always on offer.
    most_uses = (limits.fan_out - 1 - len(plan.kinds) * (SUB_BAND_GROUPS + 1)) // (
        2 * len(plan.quantiles) + 1
    )

    def costs(number: int, uses: Integers) -> tuple[Floats, Floats]:
        full = (uses >= most_uses) & (np.arange(len(gram)) != own[number])
        price = np.where(full, np.inf, 1.0)
        return price, price if prices is None else price * prices.rest[number]

    return fit_filter_synapses(rows, gram, wires, costs)
