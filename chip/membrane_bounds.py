"""Bounds of membrane potentials that hold for every input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chip.connectivity import spike_signs
from chip.network import Network

__all__ = ["membrane_bounds"]


def membrane_bounds(network: Network) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the least and the greatest membrane after a step, without saturation; infinite where unbounded.

    Upwards, for the sum of all weights ``C`` that can act upwards in one step: a neuron that did not fire
    keeps less than ``theta_p``. One that fired keeps ``decay(v) + C - w_fb`` at most: no more than before
    if ``g = C - w_fb <= 0``; otherwise a leak 2^-n balances ``g`` at ``g·2^n``, and nothing does without
    one. A negative spike adds ``w_fb`` to at most ``-theta_n``. Downwards it is the mirror image, but that
    a neuron without a negative output has neither threshold nor feedback there.

    Returns:
        Two float64[n_neurons]: lower (at most 0) and upper (at least 0) bounds.
    """
    up, down = _reach(network)
    theta_p, theta_n, w_fb = (
        array.astype(np.float64) for array in (network.theta_p, network.theta_n, network.w_fb)
    )
    strength = np.where(network.decay > 0, 2.0**network.decay, np.inf)
    over = np.where(network.negative, w_fb - theta_n, 0.0)
    under = w_fb - theta_p
    upper = _bound(up, w_fb, theta_p, strength, over)
    # Without a negative output nothing stops the fall, so there is no silent range and no feedback.
    feedback_below, theta_below = (np.where(network.negative, array, 0.0) for array in (w_fb, theta_n))
    lower = -_bound(down, feedback_below, theta_below, strength, under)
    return lower, upper


def _bound(
    current: NDArray[np.float64],
    feedback: NDArray[np.float64],
    threshold: NDArray[np.float64],
    strength: NDArray[np.float64],
    overshoot: NDArray[np.float64],
) -> NDArray[np.float64]:
    silent = np.where(current > 0, threshold - 1, 0.0)
    gain = current - feedback
    fired = np.where(gain > 0, np.maximum(gain, 1) * strength, 0.0)
    bound: NDArray[np.float64] = np.maximum.reduce([silent, fired, overshoot, np.zeros_like(current)])
    return bound


def _reach(network: Network) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the largest sums of weights that can act upwards, and downwards, in one step of each neuron."""
    plus, minus = spike_signs(network)
    weight = network.weight.astype(np.float64)
    size, excites = np.abs(weight), weight > 0
    sends_plus, sends_minus = plus[network.source], minus[network.source]
    up = np.where(np.where(excites, sends_plus, sends_minus), size, 0.0)
    down = np.where(np.where(excites, sends_minus, sends_plus), size, 0.0)
    count = network.n_neurons
    return (
        np.bincount(network.target, weights=up, minlength=count).astype(np.float64),
        np.bincount(network.target, weights=down, minlength=count).astype(np.float64),
    )
