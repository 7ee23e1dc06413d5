"""Fit of the send-on-delta encoder: mean level and event size of each band."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.front_end import WARM_UP_FRAMES
from anomaly.features.mel import Centibels
from anomaly.student.closed_form.level_moments import level_deviations, second_moments
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.closed_form.whitening_filters import fit_whitening_filters, max_delay

# Smallest event, in hundredths of a decibel: bands that hardly move must not turn noise into events.
_MIN_EVENT_CENTIBELS = 20
# Smallest weight of a band in the errors that its event size counts with: bands of less weight are not sent coarser.
_MIN_BAND_WEIGHT = 0.3
# Share of all changes from frame to frame that the events of one frame must be able to follow.
_FOLLOWED_SHARE = 0.97


def fit_delta_code(segments: Sequence[Centibels], plan: ClosedFormPlan) -> DeltaCode:
    """Fit the encoder to training levels: initial level and event size of each band.

    Events are smaller in bands that errors weigh heavily, and larger where events could not follow the changes
    otherwise.

    Args:
        segments: levels [frames, bands] of normal sound.
        plan: settings of the closed form.
    """
    levels = np.concatenate(segments).astype(np.float64)
    deviation = level_deviations(levels)
    bands = len(deviation)
    filters = fit_whitening_filters(second_moments(segments, max_delay(plan.kinds)), bands, plan.kinds)
    weight = np.sqrt((filters**2).reshape(len(filters), -1, bands).sum(axis=1).mean(axis=0))
    size = plan.event_size / np.maximum(weight, _MIN_BAND_WEIGHT)
    moved = np.concatenate([np.abs(np.diff(one[WARM_UP_FRAMES:], axis=0)) for one in segments])
    changes = moved / (size * deviation)
    if changes.size:
        size = size * max(1.0, float(np.quantile(changes, _FOLLOWED_SHARE)) / plan.micro_steps)
    events = np.maximum(np.rint(size * deviation), _MIN_EVENT_CENTIBELS).astype(np.int32)
    mean = np.rint(levels.mean(axis=0)).astype(np.int32)
    return DeltaCode(mean, events, plan.micro_steps, True, plan.leak_per_step)
