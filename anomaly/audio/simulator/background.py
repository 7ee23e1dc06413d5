"""The hall around the machine: coloured noise, other machines' hum, distant blows; or a recording of one."""

from __future__ import annotations

import numpy as np

from anomaly.audio.simulator import fluctuation, seeds
from anomaly.audio.simulator.arrays import Curve, Samples
from anomaly.audio.simulator.convolve import add_filtered
from anomaly.audio.simulator.impulses import place
from anomaly.audio.simulator.resonance import rings, shaped
from anomaly.audio.simulator.timeline import Timeline
from anomaly.errors import InputError

_BLOWS_PER_S = 0.4
_HALL_S = 0.45


def factory_noise(timeline: Timeline, machine_id: int, seed: int) -> Samples:
    """A factory hall at RMS 1 [samples]; ``machine_id`` chooses the hall, ``seed`` what happens in it."""
    rate = timeline.sample_rate_hz
    place_rng = seeds.stream("hall", machine_id)
    out = np.zeros(timeline.samples, dtype=np.float32)
    add_filtered(out, [(_rumble(timeline, seed), _colour(rate, place_rng))])
    out /= np.float32(_rms(out))
    out += np.float32(0.3) * _hums(timeline, place_rng, seeds.stream("hall hum", machine_id, seed))
    blows = np.zeros(timeline.samples, dtype=np.float32)
    add_filtered(blows, [(_blows(timeline, seed), _distance(rate, place_rng))])
    # Blows are scaled by how loud they are on average, not by those that happen to fall into this take.
    out += blows
    return out / np.float32(_rms(out))


def own_noise(samples: Samples, wanted: int) -> Samples:
    """A given background at RMS 1, repeated to the wanted length [wanted].

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
    return np.resize(sound, wanted) / np.float32(level)


def _rumble(timeline: Timeline, seed: int) -> Samples:
    rng = seeds.stream("hall rumble", seed)
    noise = rng.standard_normal(timeline.samples, dtype=np.float32)
    rate_hz = timeline.sample_rate_hz / timeline.hop
    noise *= timeline.expand(fluctuation.gain(rng, timeline.steps + 1, rate_hz, 0.2, 0.15))
    return noise


def _colour(rate: int, rng: np.random.Generator) -> Samples:
    octaves = [(31.5, -6.0), (63.0, 0.0), (125.0, 0.0), (250.0, -3.0), (500.0, -7.0), (1000.0, -12.0)]
    octaves += [(2000.0, -18.0), (4000.0, -25.0), (8000.0, -33.0)]
    return shaped([(f, level + 2.0 * rng.standard_normal()) for f, level in octaves], rate).astype(np.float32)


def _hums(timeline: Timeline, place_rng: np.random.Generator, take: np.random.Generator) -> Samples:
    """Three other machines that turn at speeds of their own, a sinusoid and its octave each."""
    total = np.zeros(timeline.samples, dtype=np.float32)
    rate_hz = timeline.sample_rate_hz / timeline.hop
    for _ in range(3):
        frequency = float(place_rng.uniform(40.0, 400.0))
        speed = frequency * (1.0 + 0.002 * fluctuation.wander(take, timeline.steps, rate_hz, 0.1))
        turned = np.concatenate([[take.uniform()], np.cumsum(speed) / rate_hz])
        hum = Timeline(timeline.sample_rate_hz, timeline.hop, turned, turned, 1.0).angle()
        total += np.sin(np.float32(2.0 * np.pi) * hum) + np.float32(0.4) * np.sin(
            np.float32(4.0 * np.pi) * hum
        )
    return total / np.float32(_rms(total))


def _blows(timeline: Timeline, seed: int) -> Samples:
    rng = seeds.stream("hall blows", seed)
    seconds = timeline.samples / timeline.sample_rate_hz
    count = int(rng.poisson(_BLOWS_PER_S * seconds))
    strengths: Curve = rng.lognormal(0.0, 0.6, count) * rng.choice([-1.0, 1.0], count)
    return place(rng.uniform(0.0, seconds, count), strengths, timeline)


def _distance(rate: int, rng: np.random.Generator) -> Samples:
    """Steel on steel somewhere in the hall: a few modes, then a long reverberation without high notes."""
    modes = [(float(rng.uniform(250.0, 2500.0)), 0.006, -float(rng.uniform(0.0, 6.0))) for _ in range(5)]
    ring = rings(modes, None, rate)
    length = int(_HALL_S * rate)
    tail = rng.standard_normal(length) * 10.0 ** (-3.0 * np.arange(length) / length)
    answer = np.convolve(ring, tail)[:length]
    # One blow carries as much as half a second of the rumble.
    return np.asarray(answer * np.sqrt(0.15 * rate / np.sum(answer**2)), dtype=np.float32)


def _rms(sound: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
