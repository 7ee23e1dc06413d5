"""The change of a sound against normal sound: band, kind and size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from anomaly.diagnose.physics.envelope import Curve
from anomaly.diagnose.why.impulse_rate import impulse_rate
from anomaly.diagnose.why.sound_profile import (
    LEVELS_PER_OCTAVE,
    SHAPES_PER_OCTAVE,
    SoundProfile,
    band_edges,
    mean_profile,
    profile,
)

Kind = Literal["tone", "broadband", "impulses", "modulation", "missing", "shift"]

LEAST_DB = 3.0
_LEAST_SPREAD_DB = 0.7
_LEAST_KURTOSIS, _KURTOSIS_SPREAD = 0.8, 0.15
_LEAST_MODULATION, _MODULATION_SPREAD = 0.12, 0.03
_CLEAR = 5.0
"""Standard deviations of normal sound from which a change of shape counts."""
_CLEAR_LEVEL = 3.0
"""The same for a change of level."""
_TONE_SHARE = 0.55
"""Share of the added energy in one line from which it is a tone."""
_EDGE_SHARE = 0.5
"""A band ends where the change falls below this share of its largest value in dB."""


@dataclass(frozen=True)
class SoundChange:
    """A change against normal sound.

    Args:
        kind: of the change.
        band_hz: where it is.
        change_db: level of the band against normal.
        rate_hz: of impulses, if they are regular.
        from_hz: for a shift, where the component was.
    """

    kind: Kind
    band_hz: tuple[float, float]
    change_db: float
    rate_hz: float | None = None
    from_hz: float | None = None

    @property
    def middle_hz(self) -> float:
        """Geometric middle of the band."""
        return float(np.sqrt(self.band_hz[0] * self.band_hz[1]))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        found: dict[str, Any] = {
            "kind": self.kind,
            "low_hz": round(self.band_hz[0], 1),
            "high_hz": round(self.band_hz[1], 1),
            "change_db": round(self.change_db, 1),
        }
        found |= {} if self.rate_hz is None else {"rate_hz": round(self.rate_hz, 2)}
        return found | ({} if self.from_hz is None else {"from_hz": round(self.from_hz, 1)})


class ChangeFinder:
    """Compares sounds with normal sound.

    Args:
        normal: pieces of normal sound, [n] each, as long as what is compared, or about so.
        rate_hz: sample rate of all.
    """

    def __init__(self, normal: Sequence[Curve], rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self.profiles = [profile(piece, rate_hz) for piece in normal]
        self.normal = mean_profile(self.profiles)
        self._spread_db = _spread([one.levels_db for one in self.profiles], _LEAST_SPREAD_DB)
        self._kurtosis_spread = _spread([one.kurtosis for one in self.profiles], _KURTOSIS_SPREAD)
        self._modulation_spread = _spread([one.modulation for one in self.profiles], _MODULATION_SPREAD)

    def find(self, samples: Curve) -> SoundChange | None:
        """Return the main change of a sound; None if it is like normal sound."""
        now = profile(samples, self._rate_hz)
        rises = now.levels_db - self.normal.levels_db
        return (
            self._impulses(samples, now, rises)
            or self._tone(now, rises)
            or self._modulation(now, rises)
            or self._levels(now, rises)
        )

    def _impulses(self, samples: Curve, now: SoundProfile, rises: Curve) -> SoundChange | None:
        gain = now.kurtosis - self.normal.kurtosis
        gain = np.where(gain < _LEAST_KURTOSIS, 0.0, gain / self._kurtosis_spread)
        best = int(np.argmax(gain))
        if gain[best] < _CLEAR:
            return None
        edges = band_edges(self._rate_hz, SHAPES_PER_OCTAVE)
        # Loud impulses are heard in neighbouring bands; the level says in which band they are.
        clear = np.flatnonzero(gain >= _CLEAR)
        best = int(max(clear, key=lambda b: (self._rise(rises, edges[b], edges[b + 1]), gain[b])))
        band = (edges[best], edges[best + 1])
        wide = (edges[max(0, best - 1)], edges[min(len(edges) - 1, best + 2)])
        rate = impulse_rate(samples, self._rate_hz, wide)
        return SoundChange("impulses", band, self._rise(rises, *band), rate)

    def _tone(self, now: SoundProfile, rises: Curve) -> SoundChange | None:
        """Return a line that carries most of the energy that was added, unless another has vanished for it."""
        added = np.maximum(now.power - self.normal.power, 0.0)
        relative = added / (_smooth(self.normal.power) + 1e-30)
        inside = (now.hz > 40.0) & (now.hz < band_edges(self._rate_hz, LEVELS_PER_OCTAVE)[-1])
        relative[~inside] = 0.0
        best = int(np.argmax(relative))
        around = added[max(0, best - 2) : best + 3].sum()
        near = added[max(0, int(best * 0.89)) : int(best * 1.12) + 1].sum() + 1e-30
        hz = float(now.hz[best])
        rise = self._rise(rises, hz / 1.03, hz * 1.03)
        if around / near < _TONE_SHARE or relative[best] < 3.0 or not self._is_clear_rise(rise, hz):
            return None
        gone = self._fall_near(rises, hz)
        kind: Kind = "tone" if gone is None else "shift"
        return SoundChange(kind, (hz / 1.03, hz * 1.03), rise, from_hz=gone)

    def _modulation(self, now: SoundProfile, rises: Curve) -> SoundChange | None:
        gain = now.modulation - self.normal.modulation
        gain = np.where(gain < _LEAST_MODULATION, 0.0, gain / self._modulation_spread)
        best = int(np.argmax(gain))
        edges = band_edges(self._rate_hz, SHAPES_PER_OCTAVE)
        rise = self._rise(rises, edges[best], edges[best + 1])
        if gain[best] < _CLEAR or abs(rise) > 2 * LEAST_DB:
            return None
        return SoundChange("modulation", (edges[best], edges[best + 1]), rise)

    def _levels(self, now: SoundProfile, rises: Curve) -> SoundChange | None:
        """Return a rise or fall of a band, whichever is larger for this machine."""
        wide = _blurred(rises)
        clear = np.where(np.abs(wide) >= LEAST_DB, wide, 0.0) / self._spread_db
        best = int(np.argmax(np.abs(clear)))
        if abs(clear[best]) < _CLEAR_LEVEL:
            return None
        low, high = _extent(wide, best)
        edges = band_edges(self._rate_hz, LEVELS_PER_OCTAVE)
        band = (edges[low], edges[high])
        change = self._rise(rises, *band)
        if change > 0:
            return SoundChange("broadband", band, change)
        return SoundChange("missing", band, change)

    def _rise(self, rises: Curve, low: float, high: float) -> float:
        """Return the mean change of the bands inside, or of the nearest."""
        edges = np.asarray(band_edges(self._rate_hz, LEVELS_PER_OCTAVE))
        middle = np.sqrt(edges[:-1] * edges[1:])
        inside = (middle >= low) & (middle <= high)
        if not inside.any():
            inside = np.arange(len(middle)) == int(np.argmin(np.abs(np.log(middle * middle / (low * high)))))
        return float(rises[inside].mean())

    def _is_clear_rise(self, rise: float, hz: float) -> bool:
        """Return whether normal sound varies less than a third as much in the bands around."""
        spread = self._rise(self._spread_db, hz / 1.06, hz * 1.06)
        return rise >= max(LEAST_DB, _CLEAR_LEVEL * spread)

    def _fall_near(self, rises: Curve, hz: float) -> float | None:
        """Return where a component within half an octave fell by as much as a shift takes away."""
        edges = np.asarray(band_edges(self._rate_hz, LEVELS_PER_OCTAVE))
        middle = np.sqrt(edges[:-1] * edges[1:])
        apart = np.abs(np.log2(middle / hz))
        falls = np.where((apart < 0.6) & (apart > 0.04), rises / self._spread_db, 0.0)
        lowest = int(np.argmin(falls))
        return float(middle[lowest]) if falls[lowest] < -_CLEAR_LEVEL and rises[lowest] < -LEAST_DB else None


def _spread(values: Sequence[Curve], least: float) -> Curve:
    """Return the deviation between pieces of normal sound, at least ``least``."""
    if len(values) < 2:
        return np.full(len(values[0]), 2 * least)
    return np.asarray(np.maximum(np.std(np.asarray(values), axis=0, ddof=1), least))


def _smooth(power: Curve) -> Curve:
    """Return a spectrum averaged over about a twelfth of an octave."""
    total = np.concatenate([[0.0], np.cumsum(power)])
    bins = np.arange(len(power))
    low = np.maximum(0, (bins / 1.03).astype(int) - 1)
    high = np.minimum(len(power), (bins * 1.03).astype(int) + 2)
    return np.asarray((total[high] - total[low]) / (high - low))


def _blurred(rises: Curve) -> Curve:
    padded = np.pad(rises, 1, mode="edge")
    return np.asarray((padded[:-2] + padded[1:-1] + padded[2:]) / 3)


def _extent(values: Curve, best: int) -> tuple[int, int]:
    """Return first and one past the last band around the best in which the change is at least half as large."""
    sign, limit = np.sign(values[best]), _EDGE_SHARE * abs(values[best])
    low = high = best
    while low > 0 and sign * values[low - 1] >= limit:
        low -= 1
    while high + 1 < len(values) and sign * values[high + 1] >= limit:
        high += 1
    return low, high + 1
