"""Verdict on a recording: one score, one tail probability and one state from its seconds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import accumulate

from anomaly.audio.sensor.health import Status
from anomaly.audio.sensor.persistence import SensorPersistence
from anomaly.detect.decision import Limit, Policy, State
from anomaly.detect.decision_stage import DecidedSecond, DecisionStage
from anomaly.detect.operating.tracker import OperatingResult
from anomaly.detect.scoring import SecondScore, recording_score

_ORDER = tuple(State)
_DEFAULT_POLICY = Policy()


@dataclass(frozen=True)
class Verdict:
    """Verdict on one recording.

    Args:
        score: soft maximum over its seconds, standard deviations of normal sound.
        p_value: probability that normal sound of the same length holds a second that scores as high as its highest,
            among the seconds that the decision used; 1 if it used none.
        state: worst state that the decision reached, starting from zero with the recording.
        states: state after each second; None if the decision did not use the second.
        sums: value of the CUSUM after each second.
        sensor: sensor fault that was in force for most seconds; "ok" if there was none.
    """

    score: float
    p_value: float
    state: State
    states: tuple[State | None, ...]
    sums: tuple[float, ...] = ()
    sensor: str = "ok"

    @property
    def judged(self) -> bool:
        """True if the decision took any second."""
        return any(state is not None for state in self.states)


def second_status(sensor: Status, operating: OperatingResult) -> Status:
    """Return the sensor status of a second, also by what is known of the machine's stops.

    Args:
        sensor: status by the sensor check.
        operating: operating state of the second.
    """
    return "unlearned-stop" if sensor == "ok" and not operating.can_be_judged else sensor


def judge(
    seconds: Sequence[SecondScore],
    limit: Limit,
    *,
    sensor: Sequence[Status] | None = None,
    policy: Policy = _DEFAULT_POLICY,
) -> Verdict:
    """Judge a recording by its seconds, with the states that the live monitor would have given them.

    The decision starts from zero, because files of an archive need not follow each other. It leaves out the seconds in
    which the machine is stopped or ramping; the score is over all seconds with a working sensor. The tail probability
    is Šidák's, ``1 - (1 - least p)^n``: exact for independent seconds, an upper bound for positively correlated ones.

    Args:
        seconds: at least one of them has sensor status "ok".
        limit: of the decision.
        sensor: sensor status of each second, see `anomaly.audio.sensor.health`; default: all "ok".
        policy: when an alarm begins and ends around the limit.
    """
    status: list[Status] = ["ok"] * len(seconds) if sensor is None else list(sensor)
    stage, persistence = DecisionStage(limit, policy), SensorPersistence()
    states: list[State | None] = [None] * len(seconds)
    decided: list[DecidedSecond] = []
    resets: dict[int, str] = {}
    for number, (second, one) in enumerate(zip(seconds, status, strict=True)):
        trusted = persistence.second(second_status(one, second.operating))
        if persistence.fault is not None:
            resets[number] = persistence.fault
        decided += stage.second(second, trusted=trusted, fault=number in resets)
    decided += stage.release()
    for taken in decided:
        states[taken.number] = taken.state
    worst = max((_ORDER.index(taken.state) for taken in decided), default=0)
    least = min((taken.score.p_value for taken in decided), default=1.0)
    p_value = any_of(least, len(decided))
    sensor_fault = Counter(resets.values()).most_common(1)[0][0] if resets else "ok"
    score = recording_score([s for s, one in zip(seconds, status, strict=True) if one == "ok"])
    sums = _sums(len(seconds), decided, set(resets))
    return Verdict(score, p_value, _ORDER[worst], tuple(states), sums, sensor_fault)


def _sums(count: int, decided: Sequence[DecidedSecond], resets: Set[int]) -> tuple[float, ...]:
    """Return the CUSUM after each second: it stays where a second was not taken, and is 0 after a reset."""
    totals = {second.number: second.total for second in decided} | dict.fromkeys(resets, 0.0)
    return tuple(accumulate(range(count), lambda total, number: totals.get(number, total), initial=0.0))[1:]


def any_of(p_value: float, n: int) -> float:
    """Return the probability that one of ``n`` independent seconds has ``p_value`` or less (Šidák, 1967)."""
    return 1.0 if p_value >= 1.0 else -math.expm1(n * math.log1p(-p_value))
