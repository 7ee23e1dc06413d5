"""Geometry of a rolling bearing, and its characteristic frequencies in orders of the shaft."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class BearingGeometry:
    """Rolling elements of a bearing whose outer ring stands still.

    Args:
        balls: number of rolling elements.
        ball_mm: their diameter.
        pitch_mm: diameter of the circle on which their centres run.
        contact_deg: contact angle.
    """

    balls: int
    ball_mm: float
    pitch_mm: float
    contact_deg: float = 0.0

    @property
    def orders(self) -> dict[str, float]:
        """Impacts per turn of the shaft, by family of fault.

        BPFO = n/2 (1 - r), BPFI = n/2 (1 + r), FTF = (1 - r)/2; a defect of a ball strikes both races in each of its
        turns, 2 BSF = (1 - r²) D/d, with r = d/D cos α.

        Source: R. B. Randall and J. Antoni, "Rolling element bearing diagnostics: a tutorial", MSSP 25 (2011).
        """
        ratio = self.ball_mm / self.pitch_mm * math.cos(math.radians(self.contact_deg))
        return {
            "inner-race": self.balls / 2 * (1 + ratio),
            "outer-race": self.balls / 2 * (1 - ratio),
            "ball": (1 - ratio**2) * self.pitch_mm / self.ball_mm,
            "cage": (1 - ratio) / 2,
        }
