"""Timelines of the shafts that the main one drives: through gears, or a carriage that moves out and back."""

from __future__ import annotations

import numpy as np

from anomaly.audio.simulator.arrays import Curve
from anomaly.audio.simulator.motion import turn_table
from anomaly.audio.simulator.motion.timeline import Timeline
from anomaly.audio.simulator.recipe.model import Shaft, Stroke


def shaft_timeline(shaft: Shaft, main: Timeline) -> Timeline:
    """Compute the timeline of a shaft that is driven by the main one.

    A shaft with strokes belongs to a carriage: it turns ``ratio`` times in each cycle of the machine, in proportion to
    the speed of the carriage, and stands still at its ends. Both directions count as positive, since they sound alike.
    """
    if shaft.stroke is None:
        revolutions, speed = main.revolutions * shaft.ratio, main.speed_rpm * shaft.ratio
    else:
        profile = speed_profile(shaft.stroke)
        position = np.append(0.0, np.cumsum(profile)) / profile.sum()
        whole, part = np.divmod(main.revolutions, 1.0)
        angle = np.linspace(0.0, 1.0, len(position))
        revolutions = (whole + np.interp(part, angle, position)) * shaft.ratio
        speed = main.speed_rpm * shaft.ratio * profile[(part * len(profile)).astype(np.int64)]
    return Timeline(main.sample_rate_hz, main.hop, speed, revolutions, main.nominal_rpm * shaft.ratio)


def speed_profile(stroke: Stroke) -> Curve:
    """Compute the speed of a carriage over one cycle, as a table of mean 1.

    Two strokes, out in the first half and back in the second, each a trapezoid with S-shaped ramps followed by a rest.
    """
    half = turn_table.angles() * 2.0 % 1.0
    share = half / (1.0 - stroke.rest)
    ramp = np.clip(np.minimum(share, 1.0 - share) / stroke.rise, 0.0, 1.0)
    speed = np.where(share < 1.0, ramp**2 * (3.0 - 2.0 * ramp), 0.0)
    return np.asarray(speed / speed.mean(), dtype=np.float64)
