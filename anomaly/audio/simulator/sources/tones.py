"""Tones: harmonics of a shaft's speed, and the magnetic hum of a motor."""

from __future__ import annotations

import numpy as np

from anomaly.audio.simulator.arrays import Curve, Samples
from anomaly.audio.simulator.motion import turn_table
from anomaly.audio.simulator.motion.timeline import Timeline
from anomaly.audio.simulator.recipe.source_models import Hum, Tones

_HALF_ORDERS = 2
"""Revolutions of a table: with two of them, half orders (looseness) are periodic."""


def tones(spec: Tones, timeline: Timeline, machine: np.random.Generator) -> Samples:
    """Generate multiples of the shaft's speed, with phases that belong to the machine [samples].

    Orders that would lie above half the sample rate at the take's highest speed are left out.
    """
    phases = machine.uniform(0.0, 1.0, len(spec.orders))
    table = np.zeros(turn_table.ENTRIES)
    for order, level_db, phase in zip(spec.orders, spec.levels_db, phases, strict=True):
        if order <= timeline.highest_order():
            table += _tone(order * _HALF_ORDERS, level_db, phase)
    return turn_table.read(table, timeline.angle(1.0 / _HALF_ORDERS))


def hum(spec: Hum, timeline: Timeline, machine: np.random.Generator, take: np.random.Generator) -> Samples:
    """Generate magnetic hum: twice the mains frequency (Maxwell forces follow B²) and its multiples [samples]."""
    table = np.zeros(turn_table.ENTRIES)
    base_hz = 2.0 * spec.mains_hz
    for number, level_db in enumerate(spec.harmonics_db, start=1):
        phase = machine.uniform(0.0, 1.0)
        if number * base_hz < 0.46 * timeline.sample_rate_hz:
            table += _tone(number, level_db, phase)
    step = timeline.hop * base_hz / timeline.sample_rate_hz
    start = (take.uniform() + np.arange(timeline.steps) * step) % 1.0
    within = np.arange(timeline.hop) * (base_hz / timeline.sample_rate_hz)
    angle = start[:, None].astype(np.float32) + within[None, :].astype(np.float32)
    return turn_table.read(table, angle.reshape(-1))


def _tone(order: float, level_db: float, phase: float) -> Curve:
    amplitude = 10.0 ** (level_db / 20.0)
    return np.asarray(
        amplitude * np.cos(2.0 * np.pi * (order * turn_table.angles() + phase)), dtype=np.float64
    )
