"""What the first layer of a student holds on held-out sound, in the very integers of the chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.features.delta import DeltaCode, DeltaEncoder
from anomaly.features.front_end import WARM_UP_FRAMES
from anomaly.features.mel import Centibels
from anomaly.student.circuit import Integers, sent_by, taps_of
from anomaly.student.rows import Rows
from anomaly.student.scales import Widths

Steps = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Heard:
    """Membranes in every micro-step from a reset on; segments of one length stay together.

    Args:
        held: what comparators of sign +1 hold without their scale, arrays [segments, steps, rows].
        told: how many spikes scales have told them, arrays [segments, steps, channels].
        first: steps that are left out after a reset.
    """

    held: list[Steps]
    told: list[Steps]
    first: int

    def warm(self) -> tuple[Steps, Steps]:
        """All of it after the warm-up, [steps, rows] and [steps, channels]."""
        held, told = (
            np.concatenate([part[:, self.first :].reshape(-1, part.shape[2]) for part in parts])
            for parts in (self.held, self.told)
        )
        return held, told

    def leanings(
        self, thresholds: Integers, allowed: Integers, channels: Integers, loads: Integers
    ) -> list[Steps]:
        """Loads of the comparators that fire, those of sign -1 subtracted, arrays [segments, steps, rows].

        Args:
            thresholds, allowed: of the comparators and what a spike of their scale adds, sign by sign, level by level,
                [2 * levels * rows].
            channels: scale of each row.
            loads: of each level.
        """
        shape = (2, len(loads), len(channels))
        heights, moved = thresholds.reshape(shape), allowed.reshape(shape)
        found = []
        for held, told in zip(self.held, self.told, strict=True):
            lean = np.zeros_like(held)
            for number, sign in enumerate((1, -1)):
                for level, load in enumerate(loads.tolist()):
                    beyond = (
                        sign * held - moved[number, level] * told[:, :, channels] >= heights[number, level]
                    )
                    lean += sign * load * beyond
            found.append(lean)
        return found


def membranes(
    segments: Sequence[Centibels], code: DeltaCode, rows: Rows, widths: Widths, delays: int
) -> Heard:
    """Follow comparators and scales over held-out sound.

    Args:
        segments: levels [frames, bands].
        code: encoder settings.
        rows, widths: errors and scales.
        delays: frames of delay.
    """
    same: dict[int, list[Centibels]] = {}
    for segment in segments:
        same.setdefault(len(segment), []).append(segment)
    held, told = [], []
    for of_length in same.values():
        events = DeltaEncoder(code, len(of_length)).push(np.stack(of_length))
        taps = taps_of(events.reshape(len(of_length), -1, code.bands), delays, code.micro_steps)
        rest, scale, direct = (_weighed(taps, w) for w in (rows.rest, widths.weights, rows.direct))
        held.append(direct + sent_by(rest, rows.quanta) * rows.shares)
        told.append(sent_by(scale, widths.quanta))
    return Heard(held, told, WARM_UP_FRAMES * code.micro_steps)


def _weighed(taps: Steps, weights: Integers) -> Steps:
    """Weighted sums, exact: they stay far below 2^53."""
    sums: Steps = (taps.astype(np.float64) @ weights.T.astype(np.float64)).astype(np.int64)
    return sums
