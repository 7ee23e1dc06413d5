"""The decision over a stream of seconds: which of them it takes, in which order, and the state after each.

The live monitor feeds it second by second, the scoring of recordings all at once; both get the same states.
"""

from __future__ import annotations

from dataclasses import dataclass

from anomaly.detect.decision import Decision, Limit, Policy, State
from anomaly.detect.operating.ramp import RampBuffer
from anomaly.detect.operating.states import OperatingState
from anomaly.detect.scoring import SecondScore

_DEFAULT_POLICY = Policy()
# A ramp is held for 30 s at most, most for a few: after so many seconds in which the machine neither ran nor stood the
# last state is not that of the machine.
UNDECIDED_AFTER_S = 20


@dataclass(frozen=True)
class DecidedSecond:
    """Second of sound with the state that the decision gave it.

    Args:
        number: its index since the start.
        time_s: UNIX seconds at its end, as passed in.
        score: its score and probability.
        before: state before it.
        state: state after it.
        total: sum of the CUSUM after it.
    """

    number: int
    time_s: float
    score: SecondScore
    before: State
    state: State
    total: float


@dataclass(frozen=True)
class _Second:
    number: int
    time_s: float
    score: SecondScore | None


class DecisionStage:
    """Passes seconds to a decision: those of a ramp late or not at all, those of a bad sensor not at all.

    Args:
        limit: of the decision.
        policy: when an alarm begins and ends around the limit.
        first: number of the first second.
    """

    def __init__(self, limit: Limit, policy: Policy = _DEFAULT_POLICY, *, first: int = 0) -> None:
        self._decision, self._limit = Decision(limit, policy), limit.value
        self._buffer = RampBuffer[_Second]()
        self._number = first
        self._undecided_s = 0

    @property
    def undecided(self) -> bool:
        """True if no second has been decided for so long that the state says nothing of the machine."""
        return self._undecided_s > UNDECIDED_AFTER_S

    @property
    def limit(self) -> float:
        """Limit of the sum."""
        return self._limit

    @property
    def state(self) -> State:
        """State after the last second that was taken."""
        return self._decision.state

    @property
    def total(self) -> float:
        """Sum of the CUSUM that the state rests on."""
        return self._decision.total

    def second(
        self, score: SecondScore, time_s: float = 0.0, *, trusted: bool, fault: bool
    ) -> list[DecidedSecond]:
        """Take the next second and return the seconds that were decided by it, in the order of time.

        Args:
            score: of the second.
            time_s: UNIX seconds at its end.
            trusted: whether the sensor could be trusted in it; if not, the second is left out.
            fault: whether a sensor fault is in force; the decision is then reset.
        """
        second = _Second(self._number, time_s, score if trusted else None)
        self._number += 1
        counted = self._buffer.push(score.operating, second)
        if fault:
            self.reset()
            return []
        decided = self._decide(counted)
        known = bool(decided) or (trusted and score.operating.operating is OperatingState.STOPPED)
        self._undecided_s = 0 if known else self._undecided_s + 1
        return decided

    def release(self) -> list[DecidedSecond]:
        """Decide on the held seconds: the sound ends or breaks off here."""
        return self._decide(self._buffer.release())

    def reset(self) -> None:
        """Restart from OK without the held seconds; a latched alarm stays."""
        self._buffer.clear()
        self._decision.reset()
        self._undecided_s = 0

    def acknowledge(self) -> None:
        """Let a latched alarm end with its cause."""
        self._decision.release()

    def _decide(self, seconds: list[_Second]) -> list[DecidedSecond]:
        decided = []
        for second in seconds:
            if second.score is not None:
                before = self._decision.state
                state = self._decision.update(second.score.p_value)
                total = self._decision.total
                decided.append(
                    DecidedSecond(second.number, second.time_s, second.score, before, state, total)
                )
        return decided
