"""The live pipeline and the scoring of recordings give the same states, second by second, on any sequence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anomaly.audio.channels import Samples
from anomaly.audio.sensor.sensor_check import SensorCheck
from anomaly.detect.decision import Policy, State, limit_for
from anomaly.detect.operating.fit import learn_states
from anomaly.detect.operating.states import OPERATING_BANDS, OperatingStates
from anomaly.detect.operating.tracker import OperatingTracker
from anomaly.detect.scoring import Scorer, SecondScore
from anomaly.detect.verdict import Verdict, judge
from anomaly.monitor.event_bus import EventBus
from anomaly.monitor.events import EventName
from anomaly.monitor.pipeline import MonitorPipeline
from anomaly.monitor.records import EventRecord, SecondRecord
from anomaly.monitor.sources.events import SoundBlock
from anomaly.store.store import Store

LIMIT = limit_for(1.0, 0.0)
BEGIN_S = 1_800_000_000.0
NOISE = np.random.default_rng(1).normal(0, 0.05, 16_000).astype(np.float32)
HIGH, LOW, REST, BETWEEN, ODD = -10.0, -20.0, -50.0, -15.0, 5.0


@dataclass(frozen=True)
class Second:
    """One second: its level in every group of bands, its tail probability, and whether the microphone is dead."""

    level_db: float
    p_value: float
    dead: bool = False


def _states() -> OperatingStates:
    """A machine with two speeds and a stop."""
    random = np.random.default_rng(2)
    levels = np.repeat([HIGH, LOW, REST, HIGH, REST, LOW], 40)
    return learn_states([levels[:, None] + random.normal(0, 0.3, (len(levels), OPERATING_BANDS))])


STATES = _states()
STRETCH = st.tuples(
    st.sampled_from([HIGH, LOW, REST, BETWEEN, ODD]),
    st.sampled_from([0.6, 1e-3, 1e-6]),
    st.sampled_from([False] * 4 + [True]),
    st.integers(1, 14),
)
# At least one second can be judged: a recording that holds none has no verdict.
SEQUENCES = st.lists(STRETCH, min_size=1, max_size=8).map(
    lambda stretches: [
        Second(HIGH, 0.6),
        *(Second(level, p, dead) for level, p, dead, count in stretches for _ in range(count)),
    ]
)


def scored(seconds: list[Second]) -> list[SecondScore]:
    """Seconds as a scorer returns them, with the operating results of a real tracker."""
    random = np.random.default_rng(3)
    tracker = OperatingTracker(STATES)
    results = [tracker.second(s.level_db + random.normal(0, 0.3, OPERATING_BANDS)) for s in seconds]
    return [
        SecondScore(k, -np.log10(s.p_value), s.p_value, np.zeros(16), result)
        for k, (s, result) in enumerate(zip(seconds, results, strict=True))
    ]


def archive(seconds: list[Second], policy: Policy) -> Verdict:
    sensor = ["silent" if second.dead else "ok" for second in seconds]
    return judge(scored(seconds), LIMIT, sensor=sensor, policy=policy)


@dataclass
class _Stream:
    seconds: Iterator[SecondScore]
    at_reset: bool = True

    def push(self, samples: Samples) -> list[SecondScore]:
        return [next(self.seconds)]


class _Live:
    """A pipeline over given seconds, and all that it published."""

    def __init__(self, seconds: list[Second], policy: Policy, store: Store) -> None:
        stream = _Stream(iter(scored(seconds)))
        scorer = cast(Scorer, SimpleNamespace(level=None, stream=lambda: stream, calibration=None))
        bus = EventBus()
        self.records: list[SecondRecord] = []
        self.events: list[EventRecord] = []
        bus.subscribe(SecondRecord, self.records.append)
        bus.subscribe(EventRecord, self.events.append)
        pipeline = MonitorPipeline("pump", scorer, LIMIT, store, bus, sensor=SensorCheck(), policy=policy)
        for number, second in enumerate(seconds):
            samples = np.zeros_like(NOISE) if second.dead else NOISE
            pipeline.process(SoundBlock(samples, BEGIN_S + number))
        pipeline.finish()
        self.alarms = pipeline.alarms

    def states(self, taken: tuple[State | None, ...]) -> list[str | None]:
        """State after each second that the decision took: of its record, or reported late."""
        late = {
            one["second"]: one["state"]
            for event in self.events
            if event.event == EventName.SECONDS_DECIDED
            for one in event.detail["seconds"]
        }
        states = [late.get(record.second, record.state) for record in self.records]
        assert all(taken[second] is not None for second in late)
        return [state if one is not None else None for state, one in zip(states, taken, strict=True)]


POLICIES = st.sampled_from([Policy(), Policy(on_delay_s=2, off_delay_s=3), Policy(deadband=0.2)])


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(seconds=SEQUENCES, policy=POLICIES)
def test_states_are_the_same_second_by_second(
    tmp_path_factory: pytest.TempPathFactory, seconds: list[Second], policy: Policy
) -> None:
    with Store.open(tmp_path_factory.mktemp("state") / "anomaly.sqlite") as store:
        live = _Live(seconds, policy, store)
        cases = [case for case in store.cases.select() if case.kind == "machine"]
    verdict = archive(seconds, policy)
    expected = [None if state is None else state.value for state in verdict.states]
    assert live.states(verdict.states) == expected
    began = [State.OK, *(state for state in verdict.states if state is not None)]
    if not any(second.dead for second in seconds):
        alarms = sum(b is State.ALARM and a is not State.ALARM for a, b in pairwise(began))
        assert live.alarms == alarms
    # Whatever `score` calls an alarm opens a case, unless a sensor case inhibits it.
    if verdict.state is State.ALARM and not any(second.dead for second in seconds):
        assert cases


def _seconds(level_db: float, p_value: float, count: int) -> list[Second]:
    return [Second(level_db, p_value)] * count


def test_an_alarm_inside_a_batch_of_held_seconds_opens_a_case(tmp_path: Path) -> None:
    """Ten bad seconds look like a ramp; the tenth second after them is normal again and the state back at OK."""
    seconds = (
        _seconds(HIGH, 0.6, 8)
        + _seconds(BETWEEN, 1e-6, 5)
        + _seconds(BETWEEN, 1.0, 12)
        + _seconds(HIGH, 1.0, 3)
    )
    verdict = archive(seconds, Policy())
    with Store.open(tmp_path / "anomaly.sqlite") as store:
        live = _Live(seconds, Policy(), store)
        cases = store.cases.select()
    assert verdict.state is State.ALARM
    assert live.states(verdict.states) == [None if s is None else s.value for s in verdict.states]
    assert [case.kind for case in cases] == ["machine"]
    assert live.alarms == 1


def test_sensor_faults_within_a_possible_ramp_lose_no_other_second(tmp_path: Path) -> None:
    """The tracker counts every second of a ramp; the held ones must not shift when one of them cannot be judged."""
    ramp = _seconds(BETWEEN, 1e-6, 6)
    ramp[2] = replace(ramp[2], dead=True)
    seconds = _seconds(HIGH, 0.6, 8) + ramp + _seconds(HIGH, 0.6, 2)
    verdict = archive(seconds, Policy())
    with Store.open(tmp_path / "anomaly.sqlite") as store:
        live = _Live(seconds, Policy(), store)
    assert [k for k, state in enumerate(verdict.states) if state is None] == [10]
    assert live.states(verdict.states) == [None if s is None else s.value for s in verdict.states]
    assert verdict.state is State.ALARM
