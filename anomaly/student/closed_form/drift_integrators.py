"""Drift integrators: leaky integrators of the signed spikes of an error's comparators, over about half a second.

In micro-step k, with load l_j and sign a_j of comparator j, unit u and leak 2^-n::

    q_k = v_(k-1) - sign(v_(k-1)) * floor(|v_(k-1)| * 2^-n) + u * sum_j a_j * l_j * s_(j,k-1)
    s_k = 1 if q_k >= theta else 0
    v_k = clip(q_k, -v_sat, v_sat)

A fault that shifts a level by half a deviation exceeds a threshold hardly more often than normal sound does, but always
on the same side, while normal errors have either sign: integrated over n frames, normal errors add up to a deviation of
sqrt(n), a shift to n times itself. The principle is that of an exponentially weighted moving average chart (Roberts,
1959). Thresholds are quantiles of the integer membranes on held-out normal sound, the leak's rounding included.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anomaly.student.arrays import Integers
from anomaly.student.circuit_parts import DriftIntegrators
from anomaly.student.closed_form.first_layer import Steps
from anomaly.student.neuron_limits import NeuronLimits


def fit_drift_integrators(
    signed_loads: Sequence[Steps],
    channels: Integers,
    levels: tuple[Sequence[float], Integers],
    limits: NeuronLimits,
    warm_up_steps: int,
    leak: int,
) -> DriftIntegrators:
    """Fit integrators of each error: two signs, one integrator for each threshold.

    Args:
        signed_loads: loads of the comparators that fire, those of sign -1 subtracted, on held-out normal sound: arrays
            [segments, steps, errors], from a reset on.
        channels: read-out of each error, [errors].
        levels: quantiles and loads, the same as those of comparators.
        limits: of the chip.
        warm_up_steps: steps that are left out after a reset.
        leak: n of the leak 2^-n per step.
    """
    quantiles, loads = levels
    units, thresholds = _fit_thresholds(
        signed_loads, quantiles, int(loads.max()), limits, warm_up_steps, leak
    )
    errors, each = len(channels), len(loads)
    # A comparator of either sign, at any threshold, feeds all integrators of its error.
    signs = np.array([1, -1], np.int32)
    weights = np.multiply.outer(signs, loads)[:, :, None, None] * np.diag(units)
    weights = weights.transpose(2, 0, 1, 3).reshape(errors, -1)
    return DriftIntegrators(
        weights=np.concatenate([sign * weights for sign in signs for _ in range(each)]).astype(np.int32),
        thresholds=np.clip(thresholds, 1, limits.threshold_max).astype(np.int32).ravel(),
        channels=np.tile(channels, 2 * each).astype(np.int32),
        loads=np.tile(np.repeat(loads, errors), 2).astype(np.int32),
        leak=leak,
    )


def _fit_thresholds(
    signed_loads: Sequence[Steps],
    quantiles: Sequence[float],
    max_load: int,
    limits: NeuronLimits,
    warm_up_steps: int,
    leak: int,
) -> tuple[Integers, Steps]:
    """Fit the weight of one load at each error's integrators, [errors], and their thresholds, [2, levels, errors].

    The larger the weight, the finer the leak, which takes whole numbers only; but the highest threshold must be within
    the chip's limit.
    """
    errors = signed_loads[0].shape[2]
    units, thresholds = np.zeros(errors, np.int32), np.ones((2, len(quantiles), errors), np.int64)
    for unit in range(max(1, limits.weight_max // max_load), 0, -1):
        left = np.flatnonzero(units == 0)
        if not len(left):
            break
        parts = [
            _integrate(unit * part[:, :, left], leak, limits.v_sat)[:, warm_up_steps:]
            for part in signed_loads
        ]
        membranes = np.concatenate([part.reshape(-1, len(left)) for part in parts])
        found = np.rint([np.quantile(sign * membranes, quantiles, axis=0) for sign in (1, -1)])
        fits = (found.max(axis=(0, 1)) <= limits.threshold_max) | (unit == 1)
        units[left[fits]] = unit
        thresholds[:, :, left[fits]] = found[:, :, fits]
    return units, thresholds


def _integrate(currents: Steps, leak: int, v_sat: int) -> Steps:
    """Integrate without feedback; return membranes before they are clipped, [segments, steps, neurons].

    A spike acts one step later.
    """
    membrane, potentials = np.zeros_like(currents[:, 0]), np.zeros_like(currents)
    for step in range(1, currents.shape[1]):
        membrane = membrane - np.sign(membrane) * (np.abs(membrane) >> leak)
        potentials[:, step] = membrane + currents[:, step - 1]
        membrane = np.clip(potentials[:, step], -v_sat, v_sat)
    return potentials
