"""How the other shafts of a machine turn when the first one does: through gears, or out and back."""

from __future__ import annotations

import numpy as np

from anomaly.audio.simulator import turn_table
from anomaly.audio.simulator.arrays import Curve
from anomaly.audio.simulator.recipe import Shaft, Stroke
from anomaly.audio.simulator.timeline import Timeline


def turning(shaft: Shaft, main: Timeline) -> Timeline:
    """The timeline of a shaft that is driven by the first one.

    A shaft with strokes belongs to a carriage: it turns ``ratio`` times in each cycle of the machine, as fast as the
    carriage runs, and stands still at the ends. Direction makes no sound, so both ways count upwards.
    """
    if shaft.stroke is None:
        revolutions, speed = main.revolutions * shaft.ratio, main.speed_rpm * shaft.ratio
    else:
        profile = speed_profile(shaft.stroke)
        travelled = np.append(0.0, np.cumsum(profile)) / profile.sum()
        whole, part = np.divmod(main.revolutions, 1.0)
        place = np.linspace(0.0, 1.0, len(travelled))
        revolutions = (whole + np.interp(part, place, travelled)) * shaft.ratio
        speed = main.speed_rpm * shaft.ratio * profile[(part * len(profile)).astype(np.int64)]
    return Timeline(main.sample_rate_hz, main.hop, speed, revolutions, main.nominal_rpm * shaft.ratio)


def speed_profile(stroke: Stroke) -> Curve:
    """The carriage's speed over one cycle, as a table of mean 1.

    Two strokes with soft trapezoids, out in the first half and back in the second, each followed by a rest.
    """
    half = turn_table.angles() * 2.0 % 1.0
    share = half / (1.0 - stroke.rest)
    ramp = np.clip(np.minimum(share, 1.0 - share) / stroke.rise, 0.0, 1.0)
    speed = np.where(share < 1.0, ramp**2 * (3.0 - 2.0 * ramp), 0.0)
    return np.asarray(speed / speed.mean(), dtype=np.float64)
