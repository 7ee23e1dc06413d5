"""Background noise: a factory hall (coloured noise, tones of other machines, distant impacts), or a recording."""

from __future__ import annotations

import numpy as np

from anomaly.audio.simulator import seeds
from anomaly.audio.simulator.arrays import Curve, Samples
from anomaly.audio.simulator.motion import fluctuation
from anomaly.audio.simulator.motion.timeline import Timeline
from anomaly.audio.simulator.sources.impulses import place
from anomaly.audio.simulator.transfer.convolve import add_filtered
from anomaly.audio.simulator.transfer.resonance import modal_response, shaping_filter
from anomaly.errors import InputError

# Distant impacts per second, and the length of the reverberation of the hall.
_IMPACTS_PER_S = 0.4
_HALL_S = 0.45


def factory_noise(timeline: Timeline, machine_id: int, seed: int) -> Samples:
    """Generate the noise of a factory hall at RMS 1 [samples]; ``machine_id`` selects the hall, ``seed`` the take."""
    rate = timeline.sample_rate_hz
    hall_rng = seeds.stream("hall", machine_id)
    out = np.zeros(timeline.samples, dtype=np.float32)
    add_filtered(out, [(_rumble(timeline, seed), _rumble_filter(rate, hall_rng))])
    out /= np.float32(_rms(out))
    out += np.float32(0.3) * _tones(timeline, hall_rng, seeds.stream("hall hum", machine_id, seed))
    impacts = np.zeros(timeline.samples, dtype=np.float32)
    add_filtered(impacts, [(_impacts(timeline, seed), _impact_response(rate, hall_rng))])
    # Impacts are scaled by their mean level, not by that of the few in this take.
    out += impacts
    return out / np.float32(_rms(out))


def supplied_noise(samples: Samples, length: int) -> Samples:
    """Scale a recording of a background to RMS 1, and repeat it to a length [length].

    Raises:
        InputError: it is empty, silent, not one channel, or holds NaN.
    """
    sound = np.asarray(samples, dtype=np.float32)
    if sound.ndim != 1 or sound.size == 0:
        raise InputError("must be one channel with at least one sample", where="background")
    if not np.isfinite(sound).all():
        raise InputError("holds values that are no numbers", where="background")
    level = _rms(sound)
    if level < 1e-9:
        raise InputError("is silent, so no signal-to-noise ratio can be set", where="background")
    return np.resize(sound, length) / np.float32(level)


def _rumble(timeline: Timeline, seed: int) -> Samples:
    rng = seeds.stream("hall rumble", seed)
    noise = rng.standard_normal(timeline.samples, dtype=np.float32)
    rate_hz = timeline.sample_rate_hz / timeline.hop
    noise *= timeline.expand(fluctuation.gain(rng, timeline.steps + 1, rate_hz, 0.2, 0.15))
    return noise


def _rumble_filter(rate: int, rng: np.random.Generator) -> Samples:
    octaves = [(31.5, -6.0), (63.0, 0.0), (125.0, 0.0), (250.0, -3.0), (500.0, -7.0), (1000.0, -12.0)]
    octaves += [(2000.0, -18.0), (4000.0, -25.0), (8000.0, -33.0)]
    return shaping_filter([(f, level + 2.0 * rng.standard_normal()) for f, level in octaves], rate).astype(
        np.float32
    )


def _tones(timeline: Timeline, hall_rng: np.random.Generator, take: np.random.Generator) -> Samples:
    """Sum three other machines that turn at different speeds, a sinusoid and its octave each."""
    total = np.zeros(timeline.samples, dtype=np.float32)
    rate_hz = timeline.sample_rate_hz / timeline.hop
    for _ in range(3):
        frequency = float(hall_rng.uniform(40.0, 400.0))
        speed = frequency * (1.0 + 0.002 * fluctuation.wander(take, timeline.steps, rate_hz, 0.1))
        turned = np.concatenate([[take.uniform()], np.cumsum(speed) / rate_hz])
        hum = Timeline(timeline.sample_rate_hz, timeline.hop, turned, turned, 1.0).angle()
        total += np.sin(np.float32(2.0 * np.pi) * hum) + np.float32(0.4) * np.sin(
            np.float32(4.0 * np.pi) * hum
        )
    return total / np.float32(_rms(total))


def _impacts(timeline: Timeline, seed: int) -> Samples:
    rng = seeds.stream("hall blows", seed)
    seconds = timeline.samples / timeline.sample_rate_hz
    count = int(rng.poisson(_IMPACTS_PER_S * seconds))
    strengths: Curve = rng.lognormal(0.0, 0.6, count) * rng.choice([-1.0, 1.0], count)
    return place(rng.uniform(0.0, seconds, count), strengths, timeline)


def _impact_response(rate: int, rng: np.random.Generator) -> Samples:
    """Response of the hall to an impact of steel on steel: a few modes, then reverberation."""
    modes = [(float(rng.uniform(250.0, 2500.0)), 0.006, -float(rng.uniform(0.0, 6.0))) for _ in range(5)]
    ring = modal_response(modes, None, rate)
    length = int(_HALL_S * rate)
    tail = rng.standard_normal(length) * 10.0 ** (-3.0 * np.arange(length) / length)
    response = np.convolve(ring, tail)[:length]
    # An impact of strength 1 has the energy of 0.15 s of the rumble.
    return np.asarray(response * np.sqrt(0.15 * rate / np.sum(response**2)), dtype=np.float32)


def _rms(sound: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
