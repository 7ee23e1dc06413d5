"""Known changes of normal sound: band and kind are known exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfiltfilt

Curve = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Injected:
    """Changed sound.

    Args:
        normal: sound that belongs to the same machine before the change.
        samples: the changed sound.
        kind: of `anomaly.diagnose.why.change`.
        band_hz: where it changed.
    """

    samples: Curve
    kind: str
    band_hz: tuple[float, float]


def inject(kind: str, sound: Curve, rate_hz: float, rng: np.random.Generator) -> Injected:
    """Change a sound; place and size are drawn."""
    return _KINDS[kind](sound, rate_hz, rng)


def _band_level(sound: Curve, rate_hz: float, low: float, high: float) -> float:
    return float(np.std(_filtered(sound, rate_hz, low, high)))


def _filtered(sound: Curve, rate_hz: float, low: float, high: float) -> Curve:
    sos = butter(4, [low, min(high, 0.48 * rate_hz)], "band", fs=rate_hz, output="sos")
    return np.asarray(sosfiltfilt(sos, sound))


def _place(rng: np.random.Generator, low: float = 300.0, high: float = 5_000.0) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _tone(sound: Curve, rate_hz: float, rng: np.random.Generator) -> Injected:
    hz = _place(rng)
    level = _band_level(sound, rate_hz, hz / 1.12, hz * 1.12) * 10 ** (rng.uniform(6, 15) / 20)
    times = np.arange(len(sound)) / rate_hz
    return Injected(sound + level * np.sqrt(2) * np.sin(2 * np.pi * hz * times), "tone", (hz, hz))


def _broadband(sound: Curve, rate_hz: float, rng: np.random.Generator) -> Injected:
    hz, width = _place(rng), float(rng.uniform(1.2, 1.8))
    low, high = hz / width**0.5, hz * width**0.5
    noise = _filtered(rng.standard_normal(len(sound)), rate_hz, low, high)
    level = _band_level(sound, rate_hz, low, high) * 10 ** (rng.uniform(6, 12) / 20)
    return Injected(sound + noise * level / noise.std(), "broadband", (low, high))


def _impulses(sound: Curve, rate_hz: float, rng: np.random.Generator) -> Injected:
    hz, rate = _place(rng, 800.0), float(rng.uniform(15, 90))
    train = np.zeros(len(sound))
    train[(np.arange(1, int(len(sound) / rate_hz * rate)) / rate * rate_hz).astype(int)] = 1.0
    decay = np.arange(int(0.02 * rate_hz)) / rate_hz
    ring = np.exp(-0.12 * hz * decay) * np.sin(2 * np.pi * hz * decay)
    impacts = np.convolve(train, ring)[: len(sound)]
    level = _band_level(sound, rate_hz, hz / 1.2, hz * 1.2) * 10 ** (rng.uniform(5, 12) / 20)
    return Injected(sound + impacts * level / impacts.std(), "impulses", (hz / 1.1, hz * 1.1))


def _modulation(sound: Curve, rate_hz: float, rng: np.random.Generator) -> Injected:
    hz = _place(rng)
    low, high = hz / 1.4, hz * 1.4
    part = _filtered(sound, rate_hz, low, high)
    times = np.arange(len(sound)) / rate_hz
    depth = rng.uniform(0.7, 1.0)
    wave = depth * np.sin(2 * np.pi * rng.uniform(2, 8) * times)
    return Injected(sound + part * wave, "modulation", (low, high))


def _missing(sound: Curve, rate_hz: float, rng: np.random.Generator) -> Injected:
    hz, width = _place(rng), float(rng.uniform(1.3, 2.0))
    low, high = hz / width**0.5, hz * width**0.5
    part = _filtered(sound, rate_hz, low, high)
    return Injected(sound - part * rng.uniform(0.75, 0.95), "missing", (low, high))


_KINDS: dict[str, Callable[[Curve, float, np.random.Generator], Injected]] = {
    "tone": _tone,
    "broadband": _broadband,
    "impulses": _impulses,
    "modulation": _modulation,
    "missing": _missing,
}
KINDS = (*_KINDS, "shift")


def with_component(sound: Curve, rate_hz: float, hz: float, db: float) -> Curve:
    """Return a sound with a steady component, which a shift moves."""
    level = _band_level(sound, rate_hz, hz / 1.12, hz * 1.12) * 10 ** (db / 20)
    return np.asarray(sound + level * np.sqrt(2) * np.sin(2 * np.pi * hz * np.arange(len(sound)) / rate_hz))
