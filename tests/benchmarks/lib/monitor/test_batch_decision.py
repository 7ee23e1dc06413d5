"""The decision in NumPy gives the alarms of the decision itself."""

from __future__ import annotations

import numpy as np

from anomaly.detect.decision import Decision, Limit, State, surprise
from lib.monitor.batch_decision import count_alarms, first_alarm_s


def bursts(seed: int) -> list[float]:
    random = np.random.default_rng(seed)
    p_values = random.uniform(size=4000)
    for begin in random.integers(0, 3900, 40):
        p_values[begin : begin + int(random.integers(1, 12))] **= 3
    return [float(p) for p in p_values]


def test_alarms_are_those_of_the_decision() -> None:
    lanes = [bursts(seed) for seed in range(5)]
    sums = np.array([[surprise(p) for p in lane] for lane in lanes])
    for value in (3.0, 6.0, 9.0):
        count = 0
        for lane in lanes:
            decision = Decision(Limit(value, 1.0, value, value))
            for p in lane:
                before = decision.state
                count += decision.update(p) is State.ALARM and before is not State.ALARM
        assert count_alarms(sums, [value]) == [count]
        assert count > 0


def test_the_first_alarm_is_counted_from_where_the_fault_begins() -> None:
    normal, faulty = [0.5] * 10, [6.0] * 10
    assert first_alarm_s(np.array(normal + faulty), 10.0, 10) == 3.0
    assert first_alarm_s(np.array(normal + normal), 10.0, 10) is None
