"""A carriage that runs out and back: motor and belt tones that sweep with its speed, and rolling noise."""

from __future__ import annotations

import numpy as np

from anomaly.audio.simulator import turn_table
from anomaly.audio.simulator.arrays import Curve, Samples
from anomaly.audio.simulator.sources import Stroke
from anomaly.audio.simulator.timeline import Timeline


def speed_profile(rest: float, rise: float) -> Curve:
    """The carriage's speed over one cycle, as a table of mean 1 over the strokes.

    Two strokes with soft trapezoids, out in the first half and back in the second, each followed by a rest.
    """
    half = turn_table.angles() * 2.0 % 1.0
    stroke = half / (1.0 - rest)
    ramp = np.clip(np.minimum(stroke, 1.0 - stroke) / rise, 0.0, 1.0)
    speed = np.where(stroke < 1.0, ramp**2 * (3.0 - 2.0 * ramp), 0.0)
    return np.asarray(speed / speed.mean(), dtype=np.float64)


def stroke(
    spec: Stroke, timeline: Timeline, machine: np.random.Generator, take: np.random.Generator
) -> Samples:
    """Tones at the rate at which teeth pass, as strong as the carriage is fast, and noise [samples]."""
    speed = speed_profile(spec.rest, spec.rise)
    passes = spec.turns * spec.teeth
    # Whole passes in a cycle keep the phase continuous from one cycle to the next.
    travelled = np.cumsum(speed) / speed.sum() * round(2.0 * passes)
    tone = np.zeros(turn_table.ENTRIES)
    fastest = round(2.0 * passes) * float(speed.max()) * float(timeline.speed_rpm.max()) / 60.0
    for number, level_db in enumerate(spec.harmonics_db, start=1):
        phase = machine.uniform(0.0, 1.0)
        if number * fastest < 0.46 * timeline.sample_rate_hz:
            tone += 10.0 ** (level_db / 20.0) * np.cos(2.0 * np.pi * (number * turn_table.angles() + phase))
    angle = timeline.angle()
    sound = turn_table.read(tone, _position(travelled, angle))
    noise = take.standard_normal(timeline.samples, dtype=np.float32)
    sound += np.float32(10.0 ** (spec.noise_db / 20.0)) * noise
    sound *= turn_table.read(speed, angle)
    return sound


def _position(travelled: Curve, angle: Samples) -> Samples:
    # The table rises from 0 to a whole number: read it without its jump at the end of the cycle.
    turn = angle % np.float32(1.0)
    place = turn * np.float32(turn_table.ENTRIES)
    index = np.minimum(place.astype(np.int32), turn_table.ENTRIES - 1)
    edges = np.append(0.0, travelled)
    start = (edges[:-1] % 1.0).astype(np.float32)
    rise = np.diff(edges).astype(np.float32)
    return start[index] + rise[index] * (place - index)
