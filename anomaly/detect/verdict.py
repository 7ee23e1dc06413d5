"""What the seconds of one recording amount to: one score, one probability, one state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from anomaly.detect.decision import Decision, Limit, Policy, State
from anomaly.detect.decision_mask import decision_mask
from anomaly.detect.scoring import SecondScore, recording_score

_ORDER = tuple(State)
_PLAIN = Policy()


@dataclass(frozen=True)
class Verdict:
    """One recording, judged.

    Args:
        score: soft maximum over its seconds, standard deviations of normal sound.
        p_value: probability that normal sound of the same length holds a second as high as its highest, of the
            seconds that the decision took; 1 where it took none.
        state: the worst that the decision reached, beginning at rest with the recording.
        states: state after each second; None where the decision did not take the second.
    """

    score: float
    p_value: float
    state: State
    states: tuple[State | None, ...]


def judge(
    seconds: Sequence[SecondScore],
    limit: Limit,
    *,
    counts: Sequence[bool] | None = None,
    policy: Policy = _PLAIN,
) -> Verdict:
    """Judge a recording by its seconds, as the monitor would.

    The decision begins anew, because files of an archive need not follow each other. It does not take the seconds
    in which the machine stands or comes from one state to another; the score is of all that was heard. The
    probability is Šidák's, ``1 - (1 - least p)^n``: exact for independent seconds, and too large, never too small,
    where neighbours resemble each other.

    Args:
        seconds: at least one of them counts.
        limit: of the decision.
        counts: whether each second counts; one that does not (a dead microphone) makes the decision forget.
        policy: when an alarm begins and ends around the limit.
    """
    decision = Decision(limit, policy)
    alive = [True] * len(seconds) if counts is None else list(counts)
    takes = decision_mask([second.operating for second in seconds])
    states: list[State | None] = []
    for second, counted, takes_it in zip(seconds, alive, takes, strict=True):
        if not counted:
            decision.reset()
        states.append(decision.update(second.p_value) if counted and takes_it else None)
    worst = max((_ORDER.index(state) for state in states if state is not None), default=0)
    decided = [s.p_value for s, state in zip(seconds, states, strict=True) if state is not None]
    p_value = any_of(min(decided), len(decided)) if decided else 1.0
    score = recording_score([s for s, counted in zip(seconds, alive, strict=True) if counted])
    return Verdict(score, p_value, _ORDER[worst], tuple(states))


def any_of(p_value: float, n: int) -> float:
    """Probability that at least one of ``n`` independent seconds is as unlikely as ``p_value`` (Šidák, 1967)."""
    return 1.0 if p_value >= 1.0 else -math.expm1(n * math.log1p(-p_value))
