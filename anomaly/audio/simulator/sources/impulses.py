"""Impacts at fixed angles or random times; the resonances of the path turn them into sound."""

from __future__ import annotations

import numpy as np

from anomaly.audio.simulator.arrays import Curve, Samples
from anomaly.audio.simulator.motion import fluctuation, turn_table
from anomaly.audio.simulator.motion.timeline import Timeline
from anomaly.audio.simulator.recipe.source_models import Crackle, Knocks

# Time of flight and strength of each bounce over those of the one before.
_FLIGHT_RATIO, _STRENGTH_RATIO = 0.6, 0.5


def place(times_s: Curve, strengths: Curve, timeline: Timeline) -> Samples:
    """Place impulses at times between samples, by linear interpolation [samples]; those outside the take are dropped.

    Args:
        times_s: times since the start of the timeline.
        strengths: amplitude of each impulse.
        timeline: of the take.
    """
    positions = times_s * timeline.sample_rate_hz
    inside = (positions >= 0.0) & (positions < timeline.samples - 1)
    positions, strengths = positions[inside], strengths[inside]
    index = positions.astype(np.int64)
    fraction = positions - index
    sound = np.bincount(index, strengths * (1.0 - fraction), timeline.samples)
    sound += np.bincount(index + 1, strengths * fraction, timeline.samples)
    return sound.astype(np.float32)


def knocks(spec: Knocks, timeline: Timeline, take: np.random.Generator) -> Samples:
    """Generate impacts at the same angles of each turn, followed by bounces [samples].

    A bouncing body loses speed at each impact by its coefficient of restitution, and its time of flight shrinks in
    proportion.
    """
    first, last = timeline.revolutions[0], timeline.revolutions[-1]
    turns = np.arange(np.floor(first), np.ceil(last))
    angles = (turns[:, None] + np.array(spec.angles)).reshape(-1)
    angles = angles[(angles >= first) & (angles < last)]
    times = timeline.times_at(angles) + spec.jitter_s * take.standard_normal(len(angles))
    strengths = 1.0 + spec.spread * take.standard_normal(len(angles))
    strengths *= take.random(len(angles)) < spec.chance
    sound = place(times, strengths, timeline)
    for bounce in range(1, spec.bounces + 1):
        flight_s = spec.bounce_s * _FLIGHT_RATIO ** (bounce - 1)
        times = times + flight_s * (1.0 + 0.1 * take.standard_normal(len(times)))
        strengths = strengths * _STRENGTH_RATIO
        sound += place(times, strengths, timeline)
    return sound


def crackle(spec: Crackle, timeline: Timeline, take: np.random.Generator) -> Samples:
    """Generate impacts at random times (Poisson process) of exponential strength, stronger as vanes pass [samples]."""
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
