"""Rolling bearings: how often a damaged spot is struck, and the train of blows that follows."""

from __future__ import annotations

import numpy as np

from anomaly.audio.simulator.arrays import Curve, Samples
from anomaly.audio.simulator.impulses import place
from anomaly.audio.simulator.sources import Bearing
from anomaly.audio.simulator.timeline import Timeline

_LOAD_ZONE = 0.9
"""How much weaker a blow is outside the load zone."""


def strikes_per_turn(spec: Bearing) -> float:
    """Strikes per revolution of the shaft, outer ring at rest.

    BPFO = n/2 (1 - r), BPFI = n/2 (1 + r), FTF = (1 - r)/2 and, for a ball that strikes both races in each of
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
    """Blows on a damaged bearing part [samples].

    Balls slip, so each interval differs a little and errors add up (no blow is locked to the shaft's angle). A
    damaged inner race passes through the load zone once a turn, a damaged ball once a turn of the cage: their
    blows swell and fade with it; a damaged outer race stays in the zone.
    """
    per_turn = strikes_per_turn(spec)
    turns = float(timeline.revolutions[-1] - timeline.revolutions[0])
    count = int(turns * per_turn * 1.05) + 20
    gaps = np.maximum(1.0 + spec.slip * take.standard_normal(count), 0.1) / per_turn
    moments = timeline.revolutions[0] + take.uniform(0.0, 1.0) / per_turn + np.cumsum(gaps)
    moments = moments[moments < timeline.revolutions[-1]]
    strengths = np.maximum(1.0 + spec.spread * take.standard_normal(count), 0.05)[: len(moments)]
    strengths *= _load(spec, moments, take.uniform(0.0, 1.0))
    return place(timeline.times_at(moments), strengths, timeline)


def _load(spec: Bearing, moments: Curve, start: float) -> Curve:
    carrier = {"inner_race": 1.0, "ball": _cage_ratio(spec), "outer_race": 0.0, "cage": 0.0}[spec.damage]
    if carrier == 0.0:
        return np.ones(len(moments))
    angle = 2.0 * np.pi * (moments * carrier + start)
    return np.asarray(1.0 - _LOAD_ZONE * (0.5 - 0.5 * np.cos(angle)), dtype=np.float64)


def _cage_ratio(spec: Bearing) -> float:
    return 0.5 * (1.0 - spec.ball_mm / spec.pitch_mm * float(np.cos(np.radians(spec.contact_deg))))
