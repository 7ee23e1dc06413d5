"""Rolling bearings with a defect: characteristic frequencies and the train of impacts."""

from __future__ import annotations

import numpy as np

from anomaly.audio.simulator.arrays import Curve, Samples
from anomaly.audio.simulator.motion.timeline import Timeline
from anomaly.audio.simulator.recipe.source_models import Bearing
from anomaly.audio.simulator.sources.impulses import place

_LOAD_ZONE_DEPTH = 0.9
"""Share of its strength that an impact loses opposite to the load zone."""


def impacts_per_turn(spec: Bearing) -> float:
    """Compute the number of impacts per revolution of the shaft, outer ring at rest.

    BPFO = n/2 (1 - r), BPFI = n/2 (1 + r), FTF = (1 - r)/2 and, for a ball whose defect strikes both races in each of
    its turns, 2 BSF = (1 - r²) D/d, with r = d/D cos α, n balls of diameter d on the pitch diameter D and the
    contact angle α.

    Source: R. B. Randall and J. Antoni, "Rolling element bearing diagnostics: a tutorial", MSSP 25 (2011).
    """
    ratio = spec.ball_mm / spec.pitch_mm * float(np.cos(np.radians(spec.contact_deg)))
    rates = {
        "outer_race": 0.5 * spec.balls * (1.0 - ratio),
        "inner_race": 0.5 * spec.balls * (1.0 + ratio),
        "ball": (1.0 - ratio**2) * spec.pitch_mm / spec.ball_mm,
        "cage": 0.5 * (1.0 - ratio),
    }
    return rates[spec.damage]


def bearing(spec: Bearing, timeline: Timeline, take: np.random.Generator) -> Samples:
    """Generate the impacts of a defect in a bearing part [samples].

    Rolling elements slip, so intervals differ at random and their errors add up: impacts are not locked to the shaft.
    A defect of the inner race passes through the load zone once per turn of the shaft, one of a ball once per turn of
    the cage, which modulates their strength; a defect of the outer race stays in the zone.

    Source: Randall and Antoni (2011), as `impacts_per_turn`.
    """
    per_turn = impacts_per_turn(spec)
    turns = float(timeline.revolutions[-1] - timeline.revolutions[0])
    count = int(turns * per_turn * 1.05) + 20
    intervals = np.maximum(1.0 + spec.slip * take.standard_normal(count), 0.1) / per_turn
    angles = timeline.revolutions[0] + take.uniform(0.0, 1.0) / per_turn + np.cumsum(intervals)
    angles = angles[angles < timeline.revolutions[-1]]
    strengths = np.maximum(1.0 + spec.spread * take.standard_normal(count), 0.05)[: len(angles)]
    strengths *= _load(spec, angles, take.uniform(0.0, 1.0))
    return place(timeline.times_at(angles), strengths, timeline)


def _load(spec: Bearing, shaft_angles: Curve, start: float) -> Curve:
    """Compute the relative load on the defect at each angle of the shaft, in revolutions."""
    ratio = {"inner_race": 1.0, "ball": _cage_ratio(spec), "outer_race": 0.0, "cage": 0.0}[spec.damage]
    if ratio == 0.0:
        return np.ones(len(shaft_angles))
    angle = 2.0 * np.pi * (shaft_angles * ratio + start)
    return np.asarray(1.0 - _LOAD_ZONE_DEPTH * (0.5 - 0.5 * np.cos(angle)), dtype=np.float64)


def _cage_ratio(spec: Bearing) -> float:
    return 0.5 * (1.0 - spec.ball_mm / spec.pitch_mm * float(np.cos(np.radians(spec.contact_deg))))
