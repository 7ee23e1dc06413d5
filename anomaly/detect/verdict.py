"""What the seconds of one recording amount to: one score, one probability, one state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from anomaly.detect.decision import Decision, Limit, State
from anomaly.detect.scoring import SecondScore, recording_score

_ORDER = tuple(State)


@dataclass(frozen=True)
class Verdict:
    """One recording, judged.

    Args:
        score: soft maximum over its seconds, standard deviations of normal sound.
        p_value: probability that normal sound of the same length holds a second as high as its highest.
        state: the worst that the decision reached, beginning at rest with the recording.
        states: state after each second; None where the second did not count.
    """

    score: float
    p_value: float
    state: State
    states: tuple[State | None, ...]


def judge(seconds: Sequence[SecondScore], limit: Limit, *, counts: Sequence[bool] | None = None) -> Verdict:
    """Judge a recording by its seconds.

    The decision begins anew, because files of an archive need not follow each other. The probability is
    Šidák's, ``1 - (1 - least p)^n``: exact for independent seconds, and too large, never too small, where
    neighbours resemble each other.

    Args:
        seconds: at least one of them counts.
        limit: of the decision.
        counts: whether each second counts; one that does not (a dead microphone) makes the decision forget.
    """
    decision = Decision(limit)
    heard: list[SecondScore] = []
    states: list[State | None] = []
    for second, counted in zip(seconds, counts or [True] * len(seconds), strict=True):
        if counted:
            heard.append(second)
            states.append(decision.update(second.p_value))
        else:
            decision.reset()
            states.append(None)
    worst = max((_ORDER.index(state) for state in states if state is not None), default=0)
    least = min(second.p_value for second in heard)
    return Verdict(recording_score(heard), any_of(least, len(heard)), _ORDER[worst], tuple(states))


def any_of(p_value: float, n: int) -> float:
    """Probability that at least one of ``n`` independent seconds is as unlikely as ``p_value`` (Šidák, 1967)."""
    return 1.0 if p_value >= 1.0 else -math.expm1(n * math.log1p(-p_value))
