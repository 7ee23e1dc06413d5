"""The family of damage that the evidence of bearings names, if it names one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anomaly.diagnose.physics.bearing_evidence import BearingEvidence

SIGNIFICANT = 0.008
"""Probability that any line of a machine without damage matches as well, below which a family is named."""
_CAGE_SHARE = 0.5
"""Share of a race's z from which lines of the cage say that the race is struck by a rolling element."""


@dataclass(frozen=True)
class BearingVerdict:
    """Result for all bearings of a machine.

    Args:
        family: named family; ``unknown`` if lines stand out that fit several; ``none``.
        guess: the family that fits best, named or not; None without evidence.
        ranked: evidence, the best first.
    """

    family: str
    guess: str | None
    ranked: tuple[BearingEvidence, ...]


def judge(evidence: Sequence[BearingEvidence]) -> BearingVerdict:
    """Name the family that stands out.

    Races and rolling elements compete. The cage does not: outer race faults show its lines, too. Where it is the only
    one that stands out, a rolling element is damaged, whose impacts come and go as the cage carries it round.
    """
    if not evidence:
        return BearingVerdict("none", None, ())
    ranked = tuple(sorted(evidence, key=lambda one: -one.z))
    struck = [one for one in ranked if one.line.family != "cage"]
    cages = [one for one in ranked if one.line.family == "cage"]
    limit = SIGNIFICANT / len(evidence)
    if struck and struck[0].p_value < limit:
        best = struck[0]
        order = (best, *(one for one in ranked if one is not best))
        return BearingVerdict(
            best.line.family if _is_clear(best, cages, limit) else "unknown", best.line.family, order
        )
    if cages and cages[0].p_value < limit:
        return BearingVerdict("ball", "ball", ranked)
    guess = max(struck or ranked, key=lambda one: one.smooth_z)
    return BearingVerdict("none", guess.line.family, ranked)


def _is_clear(best: BearingEvidence, cages: Sequence[BearingEvidence], limit: float) -> bool:
    if best.line.family not in ("inner-race", "outer-race"):
        return True
    own = [cage for cage in cages if cage.line.group == best.line.group]
    return not own or own[0].p_value > limit or own[0].z < _CAGE_SHARE * best.z
