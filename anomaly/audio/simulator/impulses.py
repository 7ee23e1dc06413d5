"""Impacts: short blows at given or random moments, which resonances then turn into sound."""

from __future__ import annotations

import numpy as np

from anomaly.audio.simulator import fluctuation, turn_table
from anomaly.audio.simulator.arrays import Curve, Samples
from anomaly.audio.simulator.sources import Crackle, Knocks
from anomaly.audio.simulator.timeline import Timeline


def place(times_s: Curve, strengths: Curve, timeline: Timeline) -> Samples:
    """Unit blows at any times, between samples too [samples]; those outside the take are left out."""
    where = times_s * timeline.sample_rate_hz
    inside = (where >= 0.0) & (where < timeline.samples - 1)
    where, strengths = where[inside], strengths[inside]
    index = where.astype(np.int64)
    late = where - index
    sound = np.bincount(index, strengths * (1.0 - late), timeline.samples)
    sound += np.bincount(index + 1, strengths * late, timeline.samples)
    return sound.astype(np.float32)


def knocks(spec: Knocks, timeline: Timeline, take: np.random.Generator) -> Samples:
    """Blows at the same places of each turn, with bounces that follow them [samples]."""
    first, last = timeline.revolutions[0], timeline.revolutions[-1]
    turns = np.arange(np.floor(first), np.ceil(last))
    moments = (turns[:, None] + np.array(spec.angles)).reshape(-1)
    moments = moments[(moments >= first) & (moments < last)]
    times = timeline.times_at(moments) + spec.jitter_s * take.standard_normal(len(moments))
    strengths = 1.0 + spec.spread * take.standard_normal(len(moments))
    strengths *= take.random(len(moments)) < spec.chance
    sound = place(times, strengths, timeline)
    for bounce in range(1, spec.bounces + 1):
        # A bouncing body loses speed at each touch, and its flights get shorter by as much.
        times = times + spec.bounce_s * 0.6 ** (bounce - 1) * (1.0 + 0.1 * take.standard_normal(len(times)))
        strengths = strengths * 0.5
        sound += place(times, strengths, timeline)
    return sound


def crackle(spec: Crackle, timeline: Timeline, take: np.random.Generator) -> Samples:
    """Blows at random moments (Poisson), of exponential strength, denser where vanes pass [samples]."""
    rate_hz = timeline.sample_rate_hz / timeline.hop
    seconds = timeline.samples / timeline.sample_rate_hz
    count = int(take.poisson(spec.rate_hz * seconds))
    times = take.uniform(0.0, seconds, count)
    strengths = take.exponential(1.0, count) * take.choice([-1.0, 1.0], count)
    gusts = fluctuation.gain(take, timeline.steps + 1, rate_hz, spec.gusts_hz, spec.gusts)
    strengths *= timeline.at(gusts, times)
    if spec.vane_depth > 0.0:
        angle = timeline.at(timeline.revolutions, times)
        swell = 1.0 + spec.vane_depth * np.cos(2.0 * np.pi * spec.vanes * turn_table.angles())
        strengths *= turn_table.read(swell, (angle % 1.0).astype(np.float32))
    return place(times, strengths, timeline)
