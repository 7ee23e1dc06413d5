"""Excess of spectral lines over their surroundings, in units of what noise has on average."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import median_filter

from anomaly.diagnose.physics.envelope import Curve, Spectrum

_MUTED = 0.7
"""Excess that stands in place of the lines of the shaft; about the median of noise (ln 2)."""
_HALF_WIDTH = 2
"""Bins on each side of a harmonic of the shaft that are muted: the main lobe of a Hann window."""


def line_excess(spectrum: Spectrum, shaft_hz: float | None) -> Curve:
    """Return power over the running median of one order of the shaft, 1 on average in noise, [bins].

    Harmonics of the shaft are muted: they come from all that turns, and say nothing about bearings.

    Args:
        spectrum: of an envelope.
        shaft_hz: speed of the shaft; None mutes nothing.
    """
    width = max(5, round((shaft_hz or 25.0) / spectrum.step_hz)) | 1
    floor = median_filter(spectrum.power, width, mode="nearest")
    excess = spectrum.power * math.log(2) / (floor + 1e-30)
    excess[:3] = _MUTED
    if shaft_hz is None:
        return np.asarray(excess)
    for number in range(1, int(len(excess) * spectrum.step_hz / shaft_hz) + 1):
        middle = round(number * shaft_hz / spectrum.step_hz)
        excess[max(0, middle - _HALF_WIDTH) : middle + _HALF_WIDTH + 1] = _MUTED
    return np.asarray(excess)
