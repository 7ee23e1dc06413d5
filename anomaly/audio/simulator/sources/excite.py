"""Sound of a source of any kind, before any path."""

from __future__ import annotations

import numpy as np

from anomaly.audio.simulator.arrays import Samples
from anomaly.audio.simulator.motion import fluctuation
from anomaly.audio.simulator.motion.timeline import Timeline
from anomaly.audio.simulator.recipe.source_models import (
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
from anomaly.audio.simulator.sources.bearing import bearing
from anomaly.audio.simulator.sources.flow import flow
from anomaly.audio.simulator.sources.gear import mesh
from anomaly.audio.simulator.sources.impulses import crackle, knocks
from anomaly.audio.simulator.sources.squeal import squeal
from anomaly.audio.simulator.sources.tones import hum, tones


def excite(
    spec: Source, timeline: Timeline, machine: np.random.Generator, take: np.random.Generator, gain: float
) -> Samples:
    """Generate the sound of a source over a take [samples], scaled by its speed, flutter and gain.

    Args:
        spec: the source.
        timeline: of its shaft.
        machine: random numbers of the machine.
        take: random numbers of the take.
        gain: amplitude at nominal speed.
    """
    sound = _raw(spec, timeline, machine, take)
    # A hum or hiss that does not depend on the speed still stops with the machine.
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
