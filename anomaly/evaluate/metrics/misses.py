"""Reasons why a clip with a fault raised no alarm."""

from __future__ import annotations

import math
from collections import Counter
from enum import StrEnum

from anomaly.detect.decision import LARGEST_SINGLE_SECOND_SUM, State
from anomaly.detect.verdict import Verdict
from anomaly.evaluate.run import Evaluation


class MissReason(StrEnum):
    """Reason why a clip raised no alarm, the first that applies."""

    NOT_JUDGED = "not judged"
    TOO_SHORT = "too short"
    WATCH = "below the limit"
    LIKE_NORMAL = "like normal sound"
    TOO_BRIEF = "too brief"


def miss_reasons(evaluation: Evaluation, name: str) -> dict[int, MissReason]:
    """Return the reason for each clip with a fault that raised no alarm, by its index in ``Evaluation.clips``."""
    outcome, labels = evaluation.outcomes[name], evaluation.labels
    highest_normal = max(
        (float(s) for s, faulty in zip(outcome.scores, labels, strict=True) if not faulty), default=0.0
    )
    return {
        index: _reason(verdict, outcome.limit.value, highest_normal)
        for index, (verdict, faulty) in enumerate(zip(outcome.verdicts, labels, strict=True))
        if faulty and verdict.state is not State.ALARM
    }


def count_reasons(evaluation: Evaluation, name: str) -> dict[str, int]:
    """Number of clips for each reason, in the order of `MissReason`."""
    found = Counter(miss_reasons(evaluation, name).values())
    return {reason.value: found[reason] for reason in MissReason if found[reason]}


def shortest_alarm_s(limit: float) -> int:
    """Seconds that the decision takes at least to reach the limit, each as unlikely as can be."""
    return math.ceil(limit / LARGEST_SINGLE_SECOND_SUM)


def _reason(verdict: Verdict, limit: float, highest_normal: float) -> MissReason:
    decided = sum(state is not None for state in verdict.states)
    if not decided:
        return MissReason.NOT_JUDGED
    if decided < shortest_alarm_s(limit):
        return MissReason.TOO_SHORT
    if verdict.state is State.WATCH:
        return MissReason.WATCH
    return MissReason.LIKE_NORMAL if verdict.score <= highest_normal else MissReason.TOO_BRIEF
