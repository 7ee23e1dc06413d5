"""Sub-band diagnosis: the parts of the spectrum in which a second deviates most from normal sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from anomaly.detect.pooling import Levels
from anomaly.diagnose.context import DiagnosisContext
from anomaly.diagnose.diagnoser import Diagnosis
from anomaly.features.mel import pooled_edges_hz

_MOST_NAMED = 3
# Groups below this share of the largest deviation are not named: leakage of the filters reaches them.
_LEAST_SHARE_OF_WORST = 0.3


@dataclass(frozen=True)
class SubBandDeviation:
    """A stretch of spectrum and its error level.

    Args:
        low_hz, high_hz: its edges.
        deviation: error level in standard deviations of normal sound.
        change_db: how much louder its mean level is than in normal sound; None if that is not known.
    """

    low_hz: float
    high_hz: float
    deviation: float
    change_db: float | None = None

    def __str__(self) -> str:
        return f"{_hz(self.low_hz)} to {_hz(self.high_hz)} ({self.deviation:.1f} sigma)"


class SubBandDiagnoser:
    """Names the sub-band groups with the largest error levels; needs nothing but these."""

    name = "sub-bands"

    def diagnose(self, context: DiagnosisContext) -> Diagnosis:
        """Return the worst groups as a sentence, and the levels of all groups as evidence."""
        groups = [float(level) for level in context.groups]
        worst = [_with_change(one, context.changes_db) for one in worst_sub_bands(groups)]
        return Diagnosis(_summary(context.machine, worst), _evidence(groups, worst))


def worst_sub_bands(groups: Sequence[float], most: int = _MOST_NAMED) -> list[SubBandDeviation]:
    """Return the sub-band groups with the largest deviations, the largest first.

    Args:
        groups: error level per group, [groups].
        most: number of groups to return at most.
    """
    edges = pooled_edges_hz(len(groups))
    order = np.argsort(np.asarray(groups))[::-1][:most]
    return [SubBandDeviation(float(edges[g]), float(edges[g + 1]), float(groups[g])) for g in order]


def _summary(machine: str, worst: Sequence[SubBandDeviation]) -> str:
    first, *others = worst
    named = [first, *(s for s in others if s.deviation >= _LEAST_SHARE_OF_WORST * first.deviation > 0)]
    return f"{machine} does not sound normal, most of all at {', then '.join(str(s) for s in named)}"


def _evidence(groups: Sequence[float], worst: Sequence[SubBandDeviation]) -> dict[str, Any]:
    return {
        "groups": [round(level, 3) for level in groups],
        "edges_hz": [round(float(edge), 1) for edge in pooled_edges_hz(len(groups))],
        "suspects": [_suspect(one) for one in worst],
    }


def _suspect(one: SubBandDeviation) -> dict[str, float]:
    found = {"low_hz": one.low_hz, "high_hz": one.high_hz, "deviation": one.deviation}
    return found if one.change_db is None else found | {"change_db": one.change_db}


def _with_change(one: SubBandDeviation, changes_db: Levels | None) -> SubBandDeviation:
    """Add the change of the mean level over the pooled bands that a stretch consists of."""
    if changes_db is None:
        return one
    edges = pooled_edges_hz(len(changes_db))
    middle = (edges[:-1] + edges[1:]) / 2
    inside = np.asarray(changes_db)[(middle > one.low_hz) & (middle < one.high_hz)]
    return replace(one, change_db=round(float(inside.mean()), 1)) if len(inside) else one


def _hz(value: float) -> str:
    return f"{value / 1000:.1f} kHz" if value >= 1000 else f"{value:.0f} Hz"
