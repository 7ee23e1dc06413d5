"""Gear mesh and blade passing: harmonics of the mesh or blade-pass frequency, and their side bands."""

from __future__ import annotations

import numpy as np

from anomaly.audio.simulator.arrays import Samples
from anomaly.audio.simulator.motion import turn_table
from anomaly.audio.simulator.motion.timeline import Timeline
from anomaly.audio.simulator.recipe.source_models import Mesh


def mesh(spec: Mesh, timeline: Timeline, machine: np.random.Generator) -> Samples:
    """Generate the sound of teeth or blades at the angle of their shaft [samples].

    Harmonic k is ``g_k · a(θ) · cos(2π·k·z·θ + φ_k + k·β·sin(2πθ + ψ))`` for z teeth: a(θ) differs from
    tooth to tooth (amplitude side bands at multiples of the shaft's speed) and β comes from eccentricity
    (phase side bands).

    Source: R. B. Randall, "A new method of modeling gear faults", J. Mech. Design 104 (1982).
    """
    amplitude = turn_table.uneven(machine, spec.teeth, spec.unevenness)
    psi = machine.uniform(0.0, 1.0)
    phases = machine.uniform(0.0, 1.0, len(spec.harmonics_db))
    turn = turn_table.angles()
    error = spec.phase_error * np.sin(2.0 * np.pi * (turn + psi))
    table = np.zeros(turn_table.ENTRIES)
    for number, (level_db, phase) in enumerate(zip(spec.harmonics_db, phases, strict=True), start=1):
        if number * spec.teeth > timeline.highest_order():
            break
        angle = 2.0 * np.pi * (number * spec.teeth * turn + phase) + number * error
        table += 10.0 ** (level_db / 20.0) * amplitude * np.cos(angle)
    return turn_table.read(table, timeline.angle())
