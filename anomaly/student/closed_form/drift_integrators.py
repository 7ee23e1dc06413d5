"""Which way errors lean: what comparators said over half a second, those of one sign less those of the other.

A fault that shifts a level by half a deviation is beyond a threshold hardly more often than normal sound is. But it is
so always on the same side, while normal errors lie on either. A neuron that adds up the spikes of an error's
comparators with their signs, and forgets with a leak, hears that: errors of ``n`` frames add up to a deviation of
``sqrt(n)``, a shift to ``n`` times itself. It is linear in the spikes, so one neuron does it; thresholds come from
quantiles of what the integer membranes do on held-out normal sound, leak and dead zone included.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anomaly.student.circuit import DriftIntegrators, Integers
from anomaly.student.closed_form.first_layer import Steps
from anomaly.student.neuron_limits import NeuronLimits


def fit_drift_integrators(
    leanings: Sequence[Steps],
    channels: Integers,
    levels: tuple[Sequence[float], Integers],
    limits: NeuronLimits,
    first: int,
    leak: int,
) -> DriftIntegrators:
    """Neurons that follow which way each error leans: two signs, one for each level.

    Args:
        leanings: loads of the comparators that fire, those of sign -1 subtracted, on held-out normal sound: arrays
            [segments, steps, errors], from a reset on.
        channels: read-out of each error, [errors].
        levels: quantiles and loads, the same as those of comparators.
        limits: of the chip.
        first: steps that are left out after a reset.
        leak: n of the leak 2^-n.
    """
    quantiles, loads = levels
    units, heights = _heights(leanings, quantiles, int(loads.max()), limits, first, leak)
    errors, each = len(channels), len(loads)
    # A comparator of either sign, at any level, is heard by all slow neurons of its error.
    signs = np.array([1, -1], np.int32)
    heard = np.multiply.outer(signs, loads)[:, :, None, None] * np.diag(units)
    heard = heard.transpose(2, 0, 1, 3).reshape(errors, -1)
    return DriftIntegrators(
        weights=np.concatenate([sign * heard for sign in signs for _ in range(each)]).astype(np.int32),
        thresholds=np.clip(heights, 1, limits.threshold_max).astype(np.int32).ravel(),
        channels=np.tile(channels, 2 * each).astype(np.int32),
        loads=np.tile(np.repeat(loads, errors), 2).astype(np.int32),
        leak=leak,
    )


def _heights(
    leanings: Sequence[Steps],
    quantiles: Sequence[float],
    load: int,
    limits: NeuronLimits,
    first: int,
    leak: int,
) -> tuple[Integers, Steps]:
    """Weight of one load at each error's neurons, and their thresholds [2, levels, errors].

    The larger the unit, the finer the leak, which takes whole numbers only; but the highest threshold must be one that
    the chip can have.
    """
    errors = leanings[0].shape[2]
    units, heights = np.zeros(errors, np.int32), np.ones((2, len(quantiles), errors), np.int64)
    for unit in range(max(1, limits.weight_max // load), 0, -1):
        left = np.flatnonzero(units == 0)
        if not len(left):
            break
        parts = [_leaky(unit * part[:, :, left], leak, limits.v_sat)[:, first:] for part in leanings]
        held = np.concatenate([part.reshape(-1, len(left)) for part in parts])
        found = np.rint([np.quantile(sign * held, quantiles, axis=0) for sign in (1, -1)])
        fits = (found.max(axis=(0, 1)) <= limits.threshold_max) | (unit == 1)
        units[left[fits]] = unit
        heights[:, :, left[fits]] = found[:, :, fits]
    return units, heights


def _leaky(currents: Steps, leak: int, v_sat: int) -> Steps:
    """Membranes without feedback before they are clipped, [segments, steps, neurons]; a spike acts a step later."""
    membrane, held = np.zeros_like(currents[:, 0]), np.zeros_like(currents)
    for step in range(1, currents.shape[1]):
        membrane = membrane - np.sign(membrane) * (np.abs(membrane) >> leak)
        held[:, step] = membrane + currents[:, step - 1]
        membrane = np.clip(held[:, step], -v_sat, v_sat)
    return held
