"""The student in closed form, in seconds: the start of distillation, and what it has to beat.

Residuals by matching pursuit, integer weights with compensation, thresholds from quantiles of what the
membranes do on *held-out* normal sound, micro-step by micro-step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.detect.pooling import GROUPS
from anomaly.features.delta import DeltaCode, DeltaEncoder
from anomaly.features.front_end import WARM_UP_FRAMES
from anomaly.features.mel import Centibels
from anomaly.student.circuit import KINDS, Circuit, Limits, taps_of
from anomaly.student.residuals import find_residuals
from anomaly.student.rounding import choose_scale, round_residual

# Least step of the encoder, 0.2 dB: bands that hardly move must not turn noise into events.
_LEAST_THRESHOLD = 20


@dataclass(frozen=True)
class ClosedFormPlan:
    """Settings of the closed form.

    Args:
        step: encoder threshold in standard deviations of a band.
        micro_steps: events per frame and band.
        delays: frames of delay.
        quantiles: of the residual on held-out normals at which comparators fire, one comparator each and sign.
        fan_in: synapses per comparator, at most the chip's.
    """

    step: float = 0.5
    micro_steps: int = 4
    delays: int = 2
    quantiles: tuple[float, ...] = (0.95, 0.99)
    fan_in: int = 25


def delta_code(segments: Sequence[Centibels], plan: ClosedFormPlan) -> DeltaCode:
    """Encoder settings from training levels: where each band starts and how large one event is."""
    everything = np.concatenate(segments).astype(np.float64)
    mean = np.rint(everything.mean(axis=0)).astype(np.int32)
    step = np.maximum(np.rint(plan.step * everything.std(axis=0)), _LEAST_THRESHOLD).astype(np.int32)
    return DeltaCode(mean, step, plan.micro_steps)


def membrane_taps(segments: Sequence[Centibels], code: DeltaCode, delays: int) -> npt.NDArray[np.float64]:
    """Tap levels after every micro-step of every segment, warm-up left out, [steps, taps]."""
    parts = []
    for segment in segments:
        events = DeltaEncoder(code).push(segment[None])
        steps = events.reshape(1, -1, code.bands)
        parts.append(taps_of(steps, delays, code.micro_steps)[0, WARM_UP_FRAMES * code.micro_steps :])
    return np.concatenate(parts).astype(np.float64)


def closed_form(
    training: Sequence[Centibels],
    held_out: Sequence[Centibels],
    code: DeltaCode,
    plan: ClosedFormPlan,
    limits: Limits,
) -> Circuit:
    """Build a student from levels of normal sound.

    Args:
        training: segments [frames, bands] the predictions are fitted on.
        held_out: segments of other recordings, for the thresholds.
        code: encoder settings.
        plan: settings of the closed form.
        limits: of the chip.
    """
    # The last micro-step of each frame is where levels have settled.
    settled = membrane_taps(training, code, plan.delays)[code.micro_steps - 1 :: code.micro_steps]
    centred = settled - settled.mean(axis=0)
    gram = centred.T @ centred / len(centred) + 1e-6 * np.eye(centred.shape[1])
    # A tap reaches a comparator of each sign and quantile per residual, and a relay.
    most_uses = (limits.fan_out - 1) // (2 * len(plan.quantiles))
    residuals = find_residuals(gram, code.bands, min(plan.fan_in, limits.fan_in), most_uses)
    rows = []
    for residual in residuals:
        signed = np.zeros(len(gram))
        signed[residual.band], signed[list(residual.sources)] = 1.0, -residual.weights
        deviation = float(np.sqrt(signed @ gram @ signed))
        scale = choose_scale(residual, deviation, (limits.weight_max, limits.threshold_max))
        rows.append(round_residual(residual, gram, scale, limits.weight_max))
    weights = np.stack(rows)
    channels = np.array([r.kind * GROUPS + r.band * GROUPS // code.bands for r in residuals], dtype=np.int32)
    return _with_comparators(
        weights, channels, membrane_taps(held_out, code, plan.delays), code, plan, limits
    )


def _with_comparators(
    weights: npt.NDArray[np.int32],
    channels: npt.NDArray[np.int32],
    held_out: npt.NDArray[np.float64],
    code: DeltaCode,
    plan: ClosedFormPlan,
    limits: Limits,
) -> Circuit:
    membranes = held_out @ weights.T.astype(np.float64)
    all_weights, thresholds = [], []
    for sign in (1, -1):
        for quantile in plan.quantiles:
            level = np.quantile(sign * membranes, quantile, axis=0)
            all_weights.append(sign * weights)
            thresholds.append(np.clip(np.ceil(level), 1, limits.threshold_max).astype(np.int32))
    all_channels = np.tile(channels, len(thresholds))
    # Both signs of one residual are never above their thresholds at once: half of the comparators at most.
    divisors = np.bincount(all_channels, minlength=len(KINDS) * GROUPS).astype(np.int32) // 2
    return Circuit(
        bands=code.bands,
        micro_steps=code.micro_steps,
        delays=plan.delays,
        weights=np.concatenate(all_weights).astype(np.int32),
        thresholds=np.concatenate(thresholds),
        channels=all_channels,
        divisors=np.maximum(divisors, 1),
    )
