"""Changes that add sound: steady, in bursts, or in repeated short events. The level is set by the caller."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.simulator.arrays import Curve, Samples
from anomaly.audio.simulator.changes.draws import between, start_samples


def tone(samples: Samples, take: np.random.Generator) -> Curve:
    """Add a tone with harmonics, as of a whistling seal or a motor's magnetic noise."""
    base_hz = between(take, 150, 3_000)
    time_s = _time(samples)
    orders = [k for k in range(1, int(take.integers(2, 6))) if k * base_hz < 7_500]
    parts = [
        np.sin(2 * np.pi * (base_hz * k * time_s + take.uniform())) * take.uniform(0.3, 1.0) for k in orders
    ]
    return np.asarray(np.sum(parts, axis=0))


def mains_hum(samples: Samples, take: np.random.Generator) -> Curve:
    """Add hum at twice the mains frequency, with harmonics, as of a loose lamination."""
    base_hz = float(take.choice([100.0, 120.0]))
    time_s = _time(samples)
    parts = [np.sin(2 * np.pi * (base_hz * k * time_s + take.uniform())) / k for k in range(1, 5)]
    return np.asarray(np.sum(parts, axis=0))


def broadband(samples: Samples, take: np.random.Generator) -> Curve:
    """Add noise of one or two octaves, as of a leak or of flow."""
    low_hz = between(take, 300, 3_500)
    return _band(take.standard_normal(len(samples)), low_hz, low_hz * take.uniform(2.0, 4.0))


def squeal(samples: Samples, take: np.random.Generator) -> Curve:
    """Add short chirps of a tenth of a second, a few in a second, as of a slipping belt."""
    found = np.zeros(len(samples))
    centre_hz = between(take, 1_000, 5_000)
    for start in start_samples(samples, take, rate_hz=take.uniform(1.0, 3.0)):
        length = int(take.uniform(0.06, 0.2) * SAMPLE_RATE_HZ)
        time_s = np.arange(length) / SAMPLE_RATE_HZ
        sweep = centre_hz * (1 + take.uniform(-0.15, 0.15) * time_s / time_s[-1])
        _insert(found, start, np.sin(2 * np.pi * np.cumsum(sweep) / SAMPLE_RATE_HZ) * np.hanning(length))
    return found


def rub(samples: Samples, take: np.random.Generator) -> Curve:
    """Add noise that is on for a part of each turn, as of a rubbing shaft."""
    turn_hz, share = take.uniform(2.0, 12.0), take.uniform(0.15, 0.4)
    on = (_time(samples) * turn_hz + take.uniform()) % 1.0 < share
    return broadband(samples, take) * np.asarray(on, np.float64)


def impacts(samples: Samples, take: np.random.Generator) -> Curve:
    """Add impacts at a fixed rate with slip, ringing at a resonance, as of a damaged bearing race."""
    return _ringing(samples, take, take.uniform(20.0, 120.0), jitter=0.02)


def ticks(samples: Samples, take: np.random.Generator) -> Curve:
    """Add one short tick a turn, as of a chipped tooth."""
    return _ringing(samples, take, take.uniform(1.0, 8.0), jitter=0.0)


def knocks(samples: Samples, take: np.random.Generator) -> Curve:
    """Add knocks at random times, one or two in a second, as of a loose part."""
    found = np.zeros(len(samples))
    for start in start_samples(samples, take, rate_hz=take.uniform(0.7, 2.0)):
        found[start] += take.uniform(0.5, 1.5)
    return _resonate(found, take.uniform(200, 1_500), take.uniform(80, 250))


def _ringing(samples: Samples, take: np.random.Generator, rate_hz: float, jitter: float) -> Curve:
    count = int(len(samples) / SAMPLE_RATE_HZ * rate_hz) + 2
    periods = (1 + jitter * take.standard_normal(count)) / rate_hz
    index = ((np.cumsum(periods) + take.uniform(-1, 0) / rate_hz) * SAMPLE_RATE_HZ).astype(int)
    index = index[(index >= 0) & (index < len(samples))]
    found = np.zeros(len(samples))
    np.add.at(found, index, take.uniform(0.7, 1.3, len(index)))
    return _resonate(found, between(take, 1_200, 6_000), take.uniform(300, 1_200))


def _resonate(impulses: Curve, frequency_hz: float, decay_per_s: float) -> Curve:
    time_s = np.arange(int(0.06 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    ring = np.exp(-decay_per_s * time_s) * np.sin(2 * np.pi * frequency_hz * time_s)
    return np.asarray(fftconvolve(impulses, ring)[: len(impulses)])


def _insert(sound: Curve, start: int, part: Curve) -> None:
    end = min(len(sound), start + len(part))
    sound[start:end] += part[: end - start]


def _band(noise: Curve, low_hz: float, high_hz: float) -> Curve:
    edges = (low_hz, min(high_hz, 0.48 * SAMPLE_RATE_HZ))
    return np.asarray(sosfilt(butter(4, edges, "bandpass", fs=SAMPLE_RATE_HZ, output="sos"), noise))


def _time(samples: Samples) -> Curve:
    return np.arange(len(samples)) / SAMPLE_RATE_HZ
