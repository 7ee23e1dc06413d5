"""Error filters of a student: whitening filters per event, fitted to the synapses of a chip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.mel import Centibels
from anomaly.student.arrays import Floats, Integers
from anomaly.student.closed_form.filter_synapses import FilterSynapses, SynapseLimits, fit_filter_synapses
from anomaly.student.closed_form.level_moments import EVENT_VARIANCE, level_deviations, second_moments
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.closed_form.tap_wire_costs import TapWireCosts
from anomaly.student.closed_form.taught_filters import TeacherErrors, fit_taught_filters
from anomaly.student.closed_form.whitening_filters import fit_whitening_filters, max_delay
from anomaly.student.neuron_limits import NeuronLimits


def target_filters(
    training: Sequence[Centibels],
    code: DeltaCode,
    plan: ClosedFormPlan,
    teacher_errors: TeacherErrors | None = None,
) -> tuple[Floats, Floats, Integers]:
    """Fit the real-valued filters that the student's synapses approximate.

    Args:
        training: segments of normal sound, levels [frames, bands].
        code: encoder settings.
        plan: settings of the closed form.
        teacher_errors: the teacher's signed errors of the same segments; filters of changes are fitted to them, and
            without them to the sound alone.

    Returns:
        Weights per event [filters, taps], second moments of taps in events including their quantisation noise
        [taps, taps], and the band of each filter [filters].
    """
    delays = max_delay(plan.kinds)
    deviation = level_deviations(np.concatenate(training).astype(np.float64))
    event = np.tile(code.threshold / deviation, delays + 1)
    moments = second_moments(training, delays)
    gram = moments / np.outer(event, event) + EVENT_VARIANCE * np.eye(len(moments))
    filters = fit_whitening_filters(moments, code.bands, plan.kinds) * event
    if teacher_errors is not None and "change" in plan.kinds:
        first = plan.kinds.index("change") * code.bands
        rows = slice(first, first + code.bands)
        filters[rows] = fit_taught_filters(training, teacher_errors, code, filters[rows])
    bands = np.tile(np.arange(code.bands, dtype=np.int32), len(plan.kinds))
    kept = bands % plan.band_stride == 0
    return filters[kept], gram, bands[kept]


def fit_error_filters(
    training: Sequence[Centibels],
    code: DeltaCode,
    plan: ClosedFormPlan,
    limits: NeuronLimits,
    wire_costs: TapWireCosts | None = None,
    teacher_errors: TeacherErrors | None = None,
) -> FilterSynapses:
    """Fit the whole weights of every error filter.

    Args:
        training, code, plan, teacher_errors: as of `target_filters`.
        limits: of the chip.
        wire_costs: costs of the wires to each tap, where a student was placed before.
    """
    filters, gram, bands = target_filters(training, code, plan, teacher_errors)
    # A comparator has synapses for its sum and its scale too.
    direct = max(1, min(plan.direct_fan_in, limits.fan_in - 2))
    synapses = SynapseLimits(
        direct, min(plan.sum_fan_in, limits.fan_in), plan.min_gain, limits.weight_max, limits.threshold_max
    )
    # Fan-out of a tap: it feeds a relay and scales too, and the band of a filter is always allowed to it.
    max_uses = (limits.fan_out - 1 - len(plan.kinds) * (SUB_BAND_GROUPS + 1)) // (2 * len(plan.quantiles) + 1)

    def costs(number: int, uses: Integers) -> tuple[Floats, Floats]:
        full = (uses >= max_uses) & (np.arange(len(gram)) != bands[number])
        cost = np.where(full, np.inf, 1.0)
        return cost, cost if wire_costs is None else cost * wire_costs.to_sum[number]

    return fit_filter_synapses(filters, gram, synapses, costs)
