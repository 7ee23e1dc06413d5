"""Timeline of a take: speed and angle of a shaft at control points about 10 ms apart.

Values between control points are interpolated. For machines that repeat a cycle (a valve, a slide rail) one revolution
is one cycle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomaly.audio.simulator.arrays import Curve, Samples

CONTROL_RATE_HZ = 100


@dataclass(frozen=True)
class Timeline:
    """Speed and angle over a take.

    Args:
        sample_rate_hz: samples per second of the sound.
        hop: samples between two control points.
        speed_rpm: [steps + 1] speed at each control point.
        revolutions: [steps + 1] angle in revolutions, from any start, not decreasing.
        nominal_rpm: speed at which the levels of the recipe apply.
    """

    sample_rate_hz: int
    hop: int
    speed_rpm: Curve
    revolutions: Curve
    nominal_rpm: float

    @property
    def steps(self) -> int:
        """Number of control intervals."""
        return len(self.speed_rpm) - 1

    @property
    def samples(self) -> int:
        """Number of samples."""
        return self.steps * self.hop

    @property
    def times_s(self) -> Curve:
        """Time of each control point since the start [steps + 1]."""
        return np.arange(self.steps + 1, dtype=np.float64) * (self.hop / self.sample_rate_hz)

    def expand(self, curve: Curve) -> Samples:
        """Interpolate a curve [steps + 1] to one value per sample [samples]."""
        start = curve[:-1, None].astype(np.float32)
        rise = np.diff(curve)[:, None].astype(np.float32)
        return (start + rise * self._fraction()).reshape(-1)

    def angle(self, ratio: float = 1.0) -> Samples:
        """Compute the angle [samples], in revolutions, of a shaft that turns ``ratio`` times as fast.

        Whole revolutions are removed at each control point, so that single precision is enough; values may exceed 1 by
        the angle of one interval.
        """
        revolutions = self.revolutions * ratio
        start = (revolutions[:-1, None] % 1.0).astype(np.float32)
        rise = np.diff(revolutions)[:, None].astype(np.float32)
        return (start + rise * self._fraction()).reshape(-1)

    def drive(self, exponent: float) -> Curve:
        """Compute the relative speed to the power ``exponent`` [steps + 1]: 1 at nominal speed, 0 at rest."""
        relative = self.speed_rpm / self.nominal_rpm
        return np.where(relative > 0.0, np.maximum(relative, 1e-9) ** exponent, 0.0)

    def times_at(self, revolutions: Curve) -> Curve:
        """Return the times in seconds at which the shaft reaches given angles in revolutions."""
        return np.interp(revolutions, self.revolutions, self.times_s)

    def at(self, curve: Curve, times_s: Curve) -> Curve:
        """Interpolate a curve [steps + 1] at given times."""
        return np.interp(times_s, self.times_s, curve)

    def highest_order(self) -> float:
        """Return the highest multiple of the shaft's speed that stays below half the sample rate, with a margin."""
        fastest = float(self.speed_rpm.max()) / 60.0
        return 0.46 * self.sample_rate_hz / fastest if fastest > 0.0 else 0.0

    def _fraction(self) -> Samples:
        return (np.arange(self.hop, dtype=np.float32) / np.float32(self.hop))[None, :]


def control_hop(sample_rate_hz: int) -> int:
    """Return the number of samples between two control points."""
    return max(1, round(sample_rate_hz / CONTROL_RATE_HZ))
