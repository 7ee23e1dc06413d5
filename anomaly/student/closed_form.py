"""The student in closed form, in seconds: the start of distillation, and what it has to beat.

Whitened residuals with few whole weights each, and thresholds from quantiles of what the neurons do on *held-out*
normal sound, micro-step by micro-step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.detect.pooling import GROUPS
from anomaly.errors import ModelError
from anomaly.features.delta import DeltaCode, DeltaEncoder
from anomaly.features.front_end import WARM_UP_FRAMES
from anomaly.features.mel import Centibels
from anomaly.student.circuit import Circuit, Limits, taps_of
from anomaly.student.rounding import Floats, Integers, choose_taps, round_row
from anomaly.student.whitening import check_kinds, furthest, whitening_rows

# Least step of the encoder, 0.2 dB: bands that hardly move must not turn noise into events.
_LEAST_STEP = 20
# No step is larger than this many standard deviations of its band.
_MOST_STEP = 1.0
# Variance of a level that is known to one event up or down, in events.
_EVENT_NOISE = 1 / 6


@dataclass(frozen=True)
class ClosedFormPlan:
    """Settings of the closed form.

    Args:
        kinds: of residuals, in the order of `KINDS`.
        step: size of an event: it moves a typical residual by this many standard deviations.
        micro_steps: events per frame and band, which is also relays per frame of delay.
        quantum: what one spike of a residual stands for, in its standard deviations.
        quantiles: of the residual on held-out normals at which comparators fire, one of each sign for each.
        loads: what a spike beyond each quantile counts.
        fan_in: synapses per residual, at most the chip's.
        least_gain: share of a residual's variance that a synapse must be good for, times the cost of its wire.
        stride: every how many bands have residuals; all of them are heard by those.
        wire_cost: how much dearer a synapse is for each band that lies between its ends; 0 is blind to wires.

    Raises:
        ModelError: kinds are unknown or out of order, or quantiles and loads differ in number.
    """

    kinds: tuple[str, ...] = ("frame", "change")
    step: float = 0.2
    micro_steps: int = 4
    quantum: float = 0.7
    quantiles: tuple[float, ...] = (0.9, 0.98)
    loads: tuple[int, ...] = (1, 2)
    fan_in: int = 25
    least_gain: float = 1e-5
    stride: int = 1
    wire_cost: float = 0.0

    def __post_init__(self) -> None:
        if (
            not check_kinds(self.kinds)
            or not self.quantiles
            or len(self.quantiles) != len(self.loads)
            or self.stride < 1
        ):
            raise ModelError(
                f"no plan for a student: {self}", hint="kinds in order, as many loads as quantiles"
            )


def delta_code(segments: Sequence[Centibels], plan: ClosedFormPlan) -> DeltaCode:
    """Encoder settings from training levels: where each band starts and how large one event is.

    A band that residuals weigh heavily is sent in finer steps.
    """
    everything = np.concatenate(segments).astype(np.float64)
    deviation = _deviation(everything)
    rows = _real_rows(segments, plan)
    bands = len(deviation)
    weighed = np.sqrt((rows**2).reshape(len(rows), -1, bands).sum(axis=1).mean(axis=0))
    step = np.minimum(plan.step / np.maximum(weighed, 1e-9), _MOST_STEP)
    events = np.maximum(np.rint(step * deviation), _LEAST_STEP).astype(np.int32)
    return DeltaCode(np.rint(everything.mean(axis=0)).astype(np.int32), events, plan.micro_steps)


def closed_form(
    training: Sequence[Centibels],
    held_out: Sequence[Centibels],
    code: DeltaCode,
    plan: ClosedFormPlan,
    limits: Limits,
) -> Circuit:
    """Build a student from levels of normal sound.

    Args:
        training: segments [frames, bands] the residuals are fitted on.
        held_out: segments of other recordings, for the thresholds.
        code: encoder settings, from `delta_code` with the same plan.
        plan: settings of the closed form.
        limits: of the chip.
    """
    weights, deviations = _whole_rows(training, code, plan, limits)
    quanta = np.clip(np.rint(plan.quantum * deviations), 1, limits.threshold_max).astype(np.int32)
    bands, delays = code.bands, furthest(plan.kinds)
    own = np.arange(0, bands, plan.stride)
    kinds = np.repeat(np.arange(len(plan.kinds)), len(own))
    groups = np.tile(own * GROUPS // bands, len(plan.kinds))
    channels = (kinds * GROUPS + groups).astype(np.int32)
    weight = limits.weight_max
    # Thresholds come from membranes without the leak: it leaves levels below one spike alone, and a threshold
    # there would be beyond for ever once it is.
    held = membranes(held_out, code, (weights, quanta, delays), (1, 0), limits.v_sat)
    thresholds, count = [], len(quanta)
    for sign in (1, -1):
        for quantile in plan.quantiles:
            spikes = np.maximum(np.ceil(np.quantile(sign * held, quantile, axis=0)), 1)
            # Half-way between two numbers of spikes.
            level = np.minimum(weight * spikes - weight // 2, limits.threshold_max)
            thresholds.append(level.astype(np.int32))
    loads = np.minimum(np.array(plan.loads), max(1, limits.weight_max // 2)).astype(np.int32)
    # Both signs of one residual are never beyond their thresholds at once.
    load = np.bincount(channels, minlength=len(plan.kinds) * GROUPS) * int(loads.sum())
    return Circuit(
        bands=bands,
        micro_steps=code.micro_steps,
        delays=delays,
        weights=weights,
        quanta=quanta,
        channels=channels,
        listens=np.tile(np.arange(count, dtype=np.int32), len(thresholds)),
        signs=np.repeat(np.array([1, -1], np.int32), count * len(loads)),
        thresholds=np.concatenate(thresholds),
        loads=np.tile(np.repeat(loads, count), 2).astype(np.int32),
        divisors=np.clip(load, 1, (limits.threshold_max + 1) // 2).astype(np.int32),
        listen_weight=weight,
        listen_leak=limits.listen_leak(weight),
        relay_weight=limits.weight_max,
        relay_leak=limits.relay_leak,
    )


def membranes(
    segments: Sequence[Centibels],
    code: DeltaCode,
    residuals: tuple[Integers, Integers, int],
    listen: tuple[int, int],
    v_sat: int,
) -> npt.NDArray[np.int32]:
    """What comparators of sign +1 hold after every micro-step of every segment, warm-up left out.

    Args:
        segments: levels [frames, bands].
        code: encoder settings.
        residuals: weights, quanta and frames of delay.
        listen: weight and leak of comparators.
        v_sat: membrane limit.

    Returns:
        [steps, residuals]; segments of one length stay together.
    """
    (weights, quanta, delays), (weight, leak) = residuals, listen
    same: dict[int, list[Centibels]] = {}
    for segment in segments:
        same.setdefault(len(segment), []).append(segment)
    parts = []
    for of_length in same.values():
        events = DeltaEncoder(code, len(of_length)).push(np.stack(of_length))
        steps = events.reshape(len(of_length), -1, code.bands)
        sums = taps_of(steps, delays, code.micro_steps).astype(np.float32) @ weights.T.astype(np.float32)
        held = _listened(sums.astype(np.int32), quanta, weight, leak, v_sat)
        parts.append(held[:, WARM_UP_FRAMES * code.micro_steps :].reshape(-1, len(quanta)))
    return np.concatenate(parts)


def _listened(sums: Integers, quanta: Integers, weight: int, leak: int, v_sat: int) -> Integers:
    """Membranes of comparators, from the sums that residuals hold, both [streams, steps, residuals]."""
    held, membrane = np.empty_like(sums), np.zeros_like(sums[:, 0])
    sent, spikes = np.zeros_like(membrane), np.zeros_like(membrane)
    for step in range(sums.shape[1]):
        if leak:
            membrane = membrane - np.sign(membrane) * (np.abs(membrane) >> leak)
        # What a residual sent in the step before arrives now.
        membrane = np.clip(membrane + weight * spikes, -v_sat, v_sat)
        held[:, step] = membrane
        left = sums[:, step] - sent * quanta
        spikes = (left >= quanta).astype(np.int32) - (left <= -quanta)
        sent = sent + spikes
    return held


def _deviation(everything: Floats) -> Floats:
    return np.asarray(np.maximum(everything.std(axis=0), 1.0))


def _moments(segments: Sequence[Centibels], delays: int) -> Floats:
    """Second moments of standardised levels of a frame and those before it, [taps, taps]."""
    everything = np.concatenate(segments).astype(np.float64)
    mean, deviation = everything.mean(axis=0), _deviation(everything)
    total, count = np.zeros(((delays + 1) * len(mean),) * 2), 0
    for segment in segments:
        standard = (segment - mean) / deviation
        frames = len(standard) - delays
        if frames < 1:
            continue
        taps = np.concatenate([standard[delays - d : len(standard) - d] for d in range(delays + 1)], axis=1)
        total += taps.T @ taps
        count += frames
    return np.asarray(total / max(count, 1) + 1e-6 * np.eye(len(total)))


def _real_rows(segments: Sequence[Centibels], plan: ClosedFormPlan) -> Floats:
    return whitening_rows(_moments(segments, furthest(plan.kinds)), segments[0].shape[1], plan.kinds)


def _whole_rows(
    training: Sequence[Centibels], code: DeltaCode, plan: ClosedFormPlan, limits: Limits
) -> tuple[Integers, Floats]:
    """Integer weights of every residual, and the standard deviation of its membrane."""
    delays = furthest(plan.kinds)
    deviation = _deviation(np.concatenate(training).astype(np.float64))
    event = np.tile(code.threshold / deviation, delays + 1)
    moments = _moments(training, delays)
    gram = moments / np.outer(event, event) + _EVENT_NOISE * np.eye(len(moments))
    uses = np.zeros(len(gram), dtype=np.int64)
    # A tap feeds a relay too; each residual's own band is always on offer.
    most_uses = limits.fan_out - 1 - len(plan.kinds)
    rows, deviations = [], []
    for number, row in enumerate(whitening_rows(moments, code.bands, plan.kinds)):
        own = number % code.bands
        if own % plan.stride:
            continue
        costs = 1.0 + plan.wire_cost * np.abs(np.arange(len(gram)) % code.bands - own)
        costs[(uses >= most_uses) & (np.arange(len(gram)) != own)] = np.inf
        taps = choose_taps(row * event, gram, costs, min(plan.fan_in, limits.fan_in), plan.least_gain)
        weights, _ = round_row(row * event, gram, taps, limits.weight_max)
        uses[weights != 0] += 1
        rows.append(weights)
        deviations.append(float(weights @ gram @ weights))
    return np.stack(rows), np.sqrt(np.array(deviations))
