"""The student in closed form, in seconds: the start of distillation, and the reference that distillation must beat.

Whitened errors with few whole weights each; thresholds that follow the loudness predicted from the frames before, at
quantiles of the neurons' membranes on *held-out* normal sound, simulated micro-step by micro-step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError
from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.mel import Centibels
from anomaly.student.arrays import Integers
from anomaly.student.circuit import Circuit
from anomaly.student.circuit_parts import DRIFT_KIND, DriftIntegrators, SumNeurons
from anomaly.student.closed_form.comparator_thresholds import fit_thresholds
from anomaly.student.closed_form.drift_integrators import fit_drift_integrators
from anomaly.student.closed_form.error_filters import fit_error_filters
from anomaly.student.closed_form.filter_synapses import FilterSynapses, repeat_with_signs
from anomaly.student.closed_form.first_layer import MembraneInput, first_layer_input
from anomaly.student.closed_form.level_moments import EVENT_VARIANCE, stack_taps
from anomaly.student.closed_form.plan import ClosedFormPlan, frame_to_step_leak, limit_thresholds
from anomaly.student.closed_form.scale_predictor import ScalePredictor, fit_scale_predictor
from anomaly.student.closed_form.tap_wire_costs import TapWireCosts
from anomaly.student.closed_form.taught_filters import TeacherErrors
from anomaly.student.closed_form.whitening_filters import max_delay
from anomaly.student.neuron_limits import NeuronLimits

# Synapses of a comparator with one direct tap: the tap, its sum and its scale.
_MIN_FAN_IN = 3


def fit_closed_form(
    training: Sequence[Centibels],
    held_out: Sequence[Centibels],
    code: DeltaCode,
    plan: ClosedFormPlan,
    limits: NeuronLimits,
    wire_costs: TapWireCosts | None = None,
    teacher_errors: TeacherErrors | None = None,
) -> Circuit:
    """Fit a student to levels of normal sound.

    Args:
        training: segments [frames, bands] that the filters are fitted on.
        held_out: segments of other recordings, for the thresholds.
        code: encoder settings, from `fit_delta_code` with the same plan.
        plan: settings of the closed form.
        limits: of the chip.
        wire_costs: costs of the wires to each tap, where a student was placed before.
        teacher_errors: the teacher's signed errors of the training segments, to which the filters are fitted.

    Raises:
        ModelError: the chip's neurons have too few synapses, or not the encoder's leak.
    """
    _check(code, limits)
    plan = limit_thresholds(plan, code.bands, limits)
    channels = _filter_channels(code.bands, plan)
    delays = max_delay(plan.kinds)
    filters = fit_error_filters(training, code, plan, limits, wire_costs, teacher_errors)
    scales = fit_scales(training, code, (filters, channels), plan, limits, wire_costs)
    membranes = first_layer_input(held_out, code, filters, scales, delays)
    # Comparators in blocks: both signs one after the other, each with all of its thresholds.
    each = len(plan.quantiles)
    thresholds, scale_weights = fit_thresholds(
        membranes, scales.threshold_gains[channels], channels, plan.quantiles, limits
    )
    loads = np.minimum(np.array(plan.loads), max(1, limits.weight_max // 2)).astype(np.int32)
    read, drift = _fit_drift(membranes, (thresholds, scale_weights), channels, loads, plan, limits)
    kinds = plan.kinds if drift is None else (*plan.kinds, DRIFT_KIND)
    return Circuit(
        bands=code.bands,
        micro_steps=code.micro_steps,
        delays=delays,
        kinds=kinds,
        tap_weights=repeat_with_signs(filters.direct, each, (1, -1)),
        sums=SumNeurons(
            np.concatenate([filters.residual, scales.weights]),
            np.concatenate([filters.quanta, scales.quanta]),
        ),
        sum_weights=_sum_weights(filters, channels, scale_weights, len(scales.quanta)),
        thresholds=thresholds,
        channels=np.tile(channels, 2 * each),
        loads=np.tile(np.repeat(loads, len(channels)), 2).astype(np.int32),
        divisors=_divisors(read, len(kinds), loads, limits),
        leak=code.leak,
        relay_weight=limits.weight_max,
        relay_leak=limits.relay_leak,
        drift=drift,
    )


def _check(code: DeltaCode, limits: NeuronLimits) -> None:
    if limits.fan_in < _MIN_FAN_IN:
        raise ModelError(
            f"a chip whose neurons have {limits.fan_in} synapses is too small for any student",
            hint=f"a comparator needs at least {_MIN_FAN_IN}: one of its own, its sum and its scale",
        )
    if code.leak and code.leak not in limits.leaks:
        raise ModelError(
            f"the encoder counts on a leak of 2^-{code.leak} per step, and the chip has none such",
            hint=f"it has n = {', '.join(map(str, limits.leaks)) or 'none'}; a plan's leak may be 0, for none",
        )


def _filter_channels(bands: int, plan: ClosedFormPlan) -> Integers:
    """Return the read-out channel of each filter, ``kind * SUB_BAND_GROUPS + group``, [filters]."""
    own = np.arange(0, bands, plan.band_stride)
    kinds = np.repeat(np.arange(len(plan.kinds)), len(own))
    groups = np.tile(own * SUB_BAND_GROUPS // bands, len(plan.kinds))
    channels: Integers = (kinds * SUB_BAND_GROUPS + groups).astype(np.int32)
    return channels


def _sum_weights(
    filters: FilterSynapses, channels: Integers, scale_weights: Integers, scales: int
) -> Integers:
    """Return the weights from sums to comparators: from the sum of its filter, and from the scale of its channel."""
    each = len(scale_weights) // len(channels)
    from_residual = repeat_with_signs(np.diag(filters.spike_weights), each // 2, (1, -1))
    from_scale = np.zeros((len(from_residual), scales), np.int32)
    from_scale[np.arange(len(from_scale)), np.tile(channels, each)] = -scale_weights
    return np.concatenate([from_residual, from_scale], axis=1)


def _divisors(read: Integers, kinds: int, loads: Integers, limits: NeuronLimits) -> Integers:
    """Return the load per spike of each read-out, [kinds * SUB_BAND_GROUPS]: the load of one sign of all its errors.

    Both signs exceed their thresholds at once only where sound is much quieter than any in training, and then the
    read-out is on all the time anyway.
    """
    load = np.bincount(read, minlength=kinds * SUB_BAND_GROUPS) * int(loads.sum())
    return np.clip(load, 1, (limits.threshold_max + 1) // 2).astype(np.int32)


def _fit_drift(
    membranes: MembraneInput,
    comparators: tuple[Integers, Integers],
    channels: Integers,
    loads: Integers,
    plan: ClosedFormPlan,
    limits: NeuronLimits,
) -> tuple[Integers, DriftIntegrators | None]:
    """Fit drift integrators, if the plan has any; return the read-outs of all errors, theirs included, and them."""
    leak = _drift_leak(plan, limits)
    if not leak:
        return channels, None
    own = (len(plan.kinds) * SUB_BAND_GROUPS + channels % SUB_BAND_GROUPS).astype(np.int32)
    signed_loads = membranes.signed_loads(*comparators, channels, loads)
    levels = (plan.quantiles, loads)
    drift = fit_drift_integrators(signed_loads, own, levels, limits, membranes.warm_up_steps, leak)
    return np.concatenate([channels, own]), drift


def _drift_leak(plan: ClosedFormPlan, limits: NeuronLimits) -> int:
    """Return the chip's leak per step nearest to the plan's; 0 where the plan or the chip has none."""
    nominal = frame_to_step_leak(plan.drift_leak, plan.micro_steps)
    return min(limits.leaks, key=lambda n: abs(n - nominal)) if plan.drift_leak and limits.leaks else 0


def fit_scales(
    training: Sequence[Centibels],
    code: DeltaCode,
    errors: tuple[FilterSynapses, Integers],
    plan: ClosedFormPlan,
    limits: NeuronLimits,
    wire_costs: TapWireCosts | None = None,
) -> ScalePredictor:
    """Fit the scale predictor of each channel.

    Args:
        training, code, plan, limits, wire_costs: as of `fit_closed_form`.
        errors: the filters and the channel of each.
    """
    filters, channels = errors
    delays = max_delay(plan.kinds)
    taps = stack_taps([(segment - code.mean) / code.threshold for segment in training], delays)
    gram = taps.T @ taps / max(len(taps), 1) + EVENT_VARIANCE * np.eye(taps.shape[1])
    costs = np.ones(taps.shape[1])
    # Any channel may use a tap in addition; and a frame's own levels must not raise its thresholds.
    full = _fan_out(filters, 2 * len(plan.quantiles)) > limits.fan_out - 1 - len(np.unique(channels))
    costs[full | (np.arange(len(costs)) < code.bands)] = np.inf
    sizes = (min(plan.sum_fan_in, limits.fan_in), limits.weight_max, limits.threshold_max)
    by_channel = np.tile(costs, (len(plan.kinds) * SUB_BAND_GROUPS, 1))
    if wire_costs is not None:
        by_channel = by_channel * wire_costs.to_scale
    relative = filters.outputs(taps) / filters.deviations
    return fit_scale_predictor(taps, relative, channels, gram, sizes, by_channel)


def _fan_out(filters: FilterSynapses, comparators: int) -> npt.NDArray[np.int64]:
    """Count the synapses from each tap to filters, [taps]."""
    found: npt.NDArray[np.int64] = comparators * (filters.direct != 0).sum(axis=0) + (
        filters.residual != 0
    ).sum(axis=0)
    return found
