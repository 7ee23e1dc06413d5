"""Stick-slip squeal: a tone with harmonics and vibrato, in bursts."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from anomaly.audio.simulator.arrays import Samples
from anomaly.audio.simulator.motion import fluctuation, turn_table
from anomaly.audio.simulator.motion.timeline import Timeline
from anomaly.audio.simulator.recipe.source_models import Squeal


def squeal(spec: Squeal, timeline: Timeline, take: np.random.Generator) -> Samples:
    """Generate a tone with vibrato, switched at random with a duty cycle, and by a window of the turn [samples].

    The frequency follows the square root of the relative speed, a compromise: stick times shrink with the speed, while
    the resonance of the belt stays.
    """
    points = timeline.steps + 1
    rate_hz = timeline.sample_rate_hz / timeline.hop
    vibrato = 1.0 + spec.vibrato * np.clip(fluctuation.wander(take, points, rate_hz, 3.0), -3.0, 3.0)
    frequency = spec.frequency_hz * np.clip(timeline.drive(0.5), 0.5, 1.5) * vibrato
    cycles = take.uniform() + np.cumsum(frequency) / rate_hz
    table = np.zeros(turn_table.ENTRIES)
    for number, level_db in enumerate(spec.harmonics_db, start=1):
        if number * frequency.max() < 0.46 * timeline.sample_rate_hz:
            table += 10.0 ** (level_db / 20.0) * np.sin(2.0 * np.pi * number * turn_table.angles())
    start = (cycles[:-1] % 1.0)[:, None].astype(np.float32)
    within = np.arange(timeline.hop, dtype=np.float32)[None, :] / np.float32(timeline.hop)
    angle = start + np.diff(cycles)[:, None].astype(np.float32) * within
    sound = turn_table.read(table, angle.reshape(-1))
    level = fluctuation.wander(take, points, rate_hz, spec.burst_hz)
    # On while a random process is above the quantile that it exceeds for the share ``duty`` of the time.
    sound *= timeline.expand(np.clip(0.5 + 2.0 * (level + float(ndtri(spec.duty))), 0.0, 1.0))
    if spec.window is not None:
        sound *= turn_table.read(turn_table.angle_window(*spec.window, 0.03), timeline.angle())
    return sound
