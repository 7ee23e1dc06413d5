"""Why an alarm: which part of the spectrum, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.features.mel import pooled_edges_hz

_SHOWN = 3
# Groups with less than this share of the worst deviation only hear it from afar.
_STANDS_OUT = 0.3


@dataclass(frozen=True)
class Suspect:
    """One stretch of spectrum and its error level.

    Args:
        low_hz, high_hz: its edges.
        deviation: error level in standard deviations of normal sound.
    """

    low_hz: float
    high_hz: float
    deviation: float

    def __str__(self) -> str:
        return f"{_hz(self.low_hz)} to {_hz(self.high_hz)} ({self.deviation:.1f} sigma)"


def suspects(groups: Sequence[float], most: int = _SHOWN) -> list[Suspect]:
    """The worst sub-band groups, worst first.

    Args:
        groups: error level per group, [groups].
        most: how many to name.
    """
    edges = pooled_edges_hz(SUB_BAND_GROUPS)
    order = np.argsort(np.asarray(groups))[::-1][:most]
    return [Suspect(float(edges[g]), float(edges[g + 1]), float(groups[g])) for g in order]


def summary(machine: str, groups: Sequence[float]) -> str:
    """One sentence for a person: what is wrong and where in the spectrum, as far as it stands out."""
    worst, *others = suspects(groups)
    named = [worst, *(s for s in others if s.deviation >= _STANDS_OUT * worst.deviation > 0)]
    return f"{machine} does not sound normal, most of all at {', then '.join(str(s) for s in named)}"


def evidence(groups: Sequence[float]) -> dict[str, Any]:
    """For the case: levels of all groups, their edges, and the worst."""
    return {
        "groups": [round(float(g), 3) for g in groups],
        "edges_hz": [round(float(e), 1) for e in pooled_edges_hz(SUB_BAND_GROUPS)],
        "suspects": [
            {"low_hz": s.low_hz, "high_hz": s.high_hz, "deviation": s.deviation} for s in suspects(groups)
        ],
    }


def _hz(value: float) -> str:
    return f"{value / 1000:.1f} kHz" if value >= 1000 else f"{value:.0f} Hz"
