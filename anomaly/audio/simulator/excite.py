"""From what a recipe says about a source to its sound before any path."""

from __future__ import annotations

import numpy as np

from anomaly.audio.simulator import fluctuation
from anomaly.audio.simulator.arrays import Samples
from anomaly.audio.simulator.bearing import bearing
from anomaly.audio.simulator.flow import flow
from anomaly.audio.simulator.gear import mesh
from anomaly.audio.simulator.impulses import crackle, knocks
from anomaly.audio.simulator.sources import (
    Bearing,
    Crackle,
    Flow,
    Hum,
    Knocks,
    Mesh,
    Source,
    Squeal,
    Tones,
)
from anomaly.audio.simulator.squeal import squeal
from anomaly.audio.simulator.timeline import Timeline
from anomaly.audio.simulator.tones import hum, tones


def excite(
    spec: Source, timeline: Timeline, machine: np.random.Generator, take: np.random.Generator, gain: float
) -> Samples:
    """The source's sound over a take, as strong as its speed, flutter and gain make it [samples]."""
    sound = _raw(spec, timeline, machine, take)
    # A hum or a hiss that is there at any speed still stops with the machine.
    steady = isinstance(spec, Hum) or (isinstance(spec, Flow) and spec.always)
    drive = timeline.drive(0.0 if steady else spec.speed_exponent)
    rate_hz = timeline.sample_rate_hz / timeline.hop
    flutter = fluctuation.gain(take, timeline.steps + 1, rate_hz, spec.flutter_hz, spec.flutter)
    sound *= timeline.expand(gain * drive * flutter)
    return sound


def _raw(
    spec: Source, timeline: Timeline, machine: np.random.Generator, take: np.random.Generator
) -> Samples:
    match spec:
        case Tones():
            return tones(spec, timeline, machine)
        case Mesh():
            return mesh(spec, timeline, machine)
        case Hum():
            return hum(spec, timeline, machine, take)
        case Flow():
            return flow(spec, timeline, machine, take)
        case Bearing():
            return bearing(spec, timeline, take)
        case Knocks():
            return knocks(spec, timeline, take)
        case Crackle():
            return crackle(spec, timeline, take)
        case Squeal():
            return squeal(spec, timeline, take)
