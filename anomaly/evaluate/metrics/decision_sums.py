"""CUSUM of the decision after each second, for pictures of how a state came about."""

from __future__ import annotations

from collections.abc import Sequence

from anomaly.detect.decision import Decision, Limit
from anomaly.detect.file_score import FileScore
from anomaly.detect.operating.ramp import decision_mask


def decision_sums(p_values: Sequence[float | None], taken: Sequence[bool], limit: Limit) -> list[float]:
    """CUSUM of the decision after each second, beginning at zero.

    Args:
        p_values: tail probability of each second; None resets the sum (no sound).
        taken: whether the decision takes each second; one that it does not take leaves the sum as it is.
        limit: limit of the decision, which bounds the sum.
    """
    decision = Decision(limit)
    sums = []
    for p_value, takes in zip(p_values, taken, strict=True):
        if p_value is None:
            decision.reset()
        elif takes:
            decision.update(p_value)
        sums.append(decision.total)
    return sums


def file_sums(file: FileScore, limit: Limit) -> list[float]:
    """CUSUM after each second of a scored file; empty for a file without a verdict."""
    if file.verdict is None:
        return []
    # A second that the mask passes but that has no state had a dead microphone.
    taken = decision_mask([second.operating for second in file.scores])
    pairs = zip(file.scores, taken, file.verdict.states, strict=True)
    p_values = [None if takes and state is None else second.p_value for second, takes, state in pairs]
    return decision_sums(p_values, taken, limit)
