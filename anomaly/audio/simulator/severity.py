"""Level of a fault: severity s is ``20·log10(s) + 10`` dB of fault over normal energy in the fault's own bands."""

from __future__ import annotations

from collections.abc import Callable
from typing import SupportsFloat, TypeAlias

import numpy as np
from scipy.ndimage import uniform_filter1d

from anomaly.audio.simulator.arrays import Curve, Samples
from anomaly.audio.simulator.motion.timeline import CONTROL_RATE_HZ, Timeline
from anomaly.audio.simulator.third_octave import band_energies, own_bands
from anomaly.errors import UsageError

Severity: TypeAlias = float | Callable[[Curve], Curve]

FULL_DB = 10.0
"""Fault over normal energy at severity 1, in the fault's own third octaves."""

# Energy relative to the machine's, -60 dB, below which a fault does not occur in a take.
_ABSENT = 1e-6


def unit_severity_gain(fault: Samples, normal: Samples, sample_rate_hz: int, level: float) -> float:
    """Compute the gain at which a fault has severity 1 over a whole take.

    Args:
        fault: [samples] the fault alone, at any level near the machine's.
        normal: [samples] the healthy machine alone.
        sample_rate_hz: of both.
        level: the machine's RMS; a fault 60 dB below it does not occur in this take (the machine stands still, or no
            stroke falls into it) and gets the gain 0 instead of one that amplifies its reverberation.
    """
    energies = band_energies(fault, sample_rate_hz)
    own = own_bands(energies)
    energy = float(energies[own].sum())
    if energy <= _ABSENT * level**2 * len(fault):
        return 0.0
    unit_energy = float(band_energies(normal, sample_rate_hz)[own].sum()) * 10.0 ** (FULL_DB / 10.0)
    return float(np.sqrt(unit_energy / energy))


def constant(severity: Severity) -> float | None:
    """Return the severity if it is one number, None if it is a function of time.

    Raises:
        UsageError: it is a number outside 0 to 1.
    """
    if callable(severity):
        return None
    if not isinstance(severity, SupportsFloat):
        raise UsageError(f"{severity!r} is neither a number nor a function of time", where="severity")
    if not 0.0 <= float(severity) <= 1.0:
        raise UsageError(f"severity {severity} is outside 0 to 1", where="severity")
    return float(severity)


def envelope(severity: Severity, timeline: Timeline, lead_in_s: float, seconds: float) -> Curve:
    """Compute the severity at each control point [steps + 1], smoothed over 50 ms to avoid clicks.

    Raises:
        UsageError: a number or a value outside 0 to 1, or a callable that returns another length.
    """
    times = np.clip(timeline.times_s - lead_in_s, 0.0, seconds)
    values = np.asarray(
        severity(times) if callable(severity) else np.full(len(times), constant(severity)), dtype=np.float64
    )
    if values.shape != times.shape:
        raise UsageError(f"severity returned {values.shape} for {times.shape} times", where="severity")
    if not (np.isfinite(values).all() and values.min() >= 0.0 and values.max() <= 1.0):
        raise UsageError("severity leaves 0 to 1", where="severity", hint="clip it: np.clip(curve, 0, 1)")
    return np.asarray(
        uniform_filter1d(values, max(1, CONTROL_RATE_HZ // 20), mode="nearest"), dtype=np.float64
    )
