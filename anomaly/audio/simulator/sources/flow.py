"""Noise of moving fluid and rubbing surfaces, modulated by turbulence and by what passes."""

from __future__ import annotations

import numpy as np

from anomaly.audio.simulator.arrays import Samples
from anomaly.audio.simulator.motion import fluctuation, turn_table
from anomaly.audio.simulator.motion.timeline import Timeline
from anomaly.audio.simulator.recipe.source_models import Flow


def flow(spec: Flow, timeline: Timeline, machine: np.random.Generator, take: np.random.Generator) -> Samples:
    """Generate white noise, modulated by gusts, passing vanes and a window of the turn [samples].

    The spectrum comes from the path of the source. The noise is zero outside the window.
    """
    rate_hz = timeline.sample_rate_hz / timeline.hop
    gusts = fluctuation.gain(take, timeline.steps + 1, rate_hz, spec.gusts_hz, spec.gusts)
    noise = take.standard_normal(timeline.samples, dtype=np.float32)
    noise *= timeline.expand(gusts)
    if spec.vane_depth > 0.0:
        turn = turn_table.angles()
        swell = 1.0 + spec.vane_depth * np.cos(2.0 * np.pi * spec.vanes * turn)
        swell *= turn_table.uneven(machine, spec.vanes, 0.3 * spec.vane_depth)
        noise *= turn_table.read(swell, timeline.angle())
    if spec.window is not None:
        gate = turn_table.angle_window(*spec.window, spec.window_edge)
        noise *= turn_table.read(gate, timeline.angle())
    return noise
