"""Pipeline and operating states: ramps and stops raise no alarm, faults do, and drift is an event of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from anomaly.audio.channels import Samples
from anomaly.audio.sensor.health import Health
from anomaly.audio.sensor.sensor_check import SensorCheck
from anomaly.detect.calibration.calibration import Calibration, calibrate
from anomaly.detect.decision import Policy, limit_for
from anomaly.detect.operating.states import OperatingState
from anomaly.detect.operating.tracker import OperatingResult
from anomaly.detect.pooling import SUB_BAND_GROUPS, fit_pooling
from anomaly.detect.scoring import Scorer, SecondScore
from anomaly.monitor.event_bus import EventBus
from anomaly.monitor.model.session_model import SessionModel
from anomaly.monitor.pipeline import MonitorPipeline
from anomaly.monitor.records import EventRecord, Record, SecondRecord
from anomaly.monitor.sources.events import MicrophoneLost, SoundBlock
from anomaly.store.store import Store

RUN, STOP, RAMP, UNKNOWN = (
    OperatingState.RUNNING,
    OperatingState.STOPPED,
    OperatingState.RAMPING,
    OperatingState.UNKNOWN,
)
GOOD, BAD = 0.6, 1e-6


@dataclass
class Scripted:
    """A stream of scripted seconds."""

    script: Iterator[SecondScore]
    at_reset: bool = True

    def push(self, samples: Samples) -> list[SecondScore]:
        return [next(self.script)]

    def reset(self) -> None:
        pass


@dataclass
class Play:
    """Pipelines over scripted seconds."""

    store: Store
    policy: Policy = field(default_factory=Policy)
    calibration: Calibration | None = None
    sensor: SensorCheck | None = None
    time_s: float = 1_800_000_000.0
    records: list[Record] = field(default_factory=list)

    def begin(self, script: list[SecondScore]) -> MonitorPipeline:
        stream = Scripted(iter(script))
        scorer = cast(
            Scorer, SimpleNamespace(level=None, stream=lambda: stream, calibration=self.calibration)
        )
        bus = EventBus()
        self.records = []
        bus.subscribe(SecondRecord, self.records.append)
        bus.subscribe(EventRecord, self.records.append)
        limit = limit_for(1.0, 0.0)
        return MonitorPipeline("pump", scorer, limit, self.store, bus, sensor=self.sensor, policy=self.policy)

    def run(
        self, script: list[SecondScore], levels: list[float] | None = None
    ) -> tuple[list[SecondRecord], list[EventRecord]]:
        """Run a script; ``levels`` gives the loudness of each second, 0 for a dead microphone."""
        pipeline = self.begin(script)
        noise = np.random.default_rng(1).normal(0, 1.0, 16_000).astype(np.float32)
        for level in levels or [0.01] * len(script):
            pipeline.process(SoundBlock(np.float32(level) * noise, self.time_s))
            self.time_s += 1.0
        pipeline.finish()
        seconds = [record for record in self.records if isinstance(record, SecondRecord)]
        return seconds, [record for record in self.records if isinstance(record, EventRecord)]


def seconds(
    operating: OperatingState, p: float, count: int, *, counts: bool = True, late: int = 0
) -> list[SecondScore]:
    first = SecondScore(0, 9.0 if p < 0.1 else 0.1, p, np.zeros(16), OperatingResult(operating, counts, late))
    rest = SecondScore(0, first.score, p, np.zeros(16), OperatingResult(operating, counts, 0))
    return [first, *[rest] * (count - 1)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "anomaly.sqlite") as opened:
        yield opened


def test_records_and_store_hold_the_operating_state(store: Store) -> None:
    script = seconds(RUN, GOOD, 3) + seconds(RAMP, GOOD, 1, counts=False) + seconds(STOP, GOOD, 2)
    records, events = Play(store).run(script)
    assert [record.to_dict()["operating_state"] for record in records] == ["running"] * 3 + ["ramping"] + [
        "stopped"
    ] * 2
    assert [row.state for row in store.time_series.states("pump", "operating")] == [
        "running",
        "ramping",
        "stopped",
    ]
    assert events == []


def test_a_ramp_and_a_stop_unknown_to_training_raise_no_alarm(store: Store) -> None:
    script = (
        seconds(RUN, GOOD, 3) + seconds(RAMP, BAD, 5, counts=False) + seconds(STOP, BAD, 60, counts=False)
    )
    script += seconds(RAMP, BAD, 5, counts=False) + seconds(RUN, GOOD, 5)
    records, events = Play(store).run(script)
    assert {record.state for record in records} == {"OK"}
    assert events == []
    # They have scores all the same.
    assert all(record.score is not None for record in records)


def test_held_seconds_that_are_no_ramp_raise_their_alarm(store: Store) -> None:
    script = seconds(RUN, GOOD, 3) + seconds(RAMP, BAD, 5, counts=False) + seconds(UNKNOWN, BAD, 1, late=5)
    records, events = Play(store).run(script)
    assert [record.state for record in records] == ["OK"] * 8 + ["ALARM"]
    assert "case.opened" in [event.event for event in events]


def test_unknown_sound_is_decided_upon(store: Store) -> None:
    records, _ = Play(store).run(seconds(RUN, GOOD, 3) + seconds(UNKNOWN, BAD, 5))
    assert records[-1].state == "ALARM"


def test_seconds_held_at_the_end_of_the_sound_count(store: Store) -> None:
    records, events = Play(store).run(seconds(RUN, GOOD, 3) + seconds(RAMP, BAD, 5, counts=False))
    assert records[-1].state == "OK"
    assert [event.event for event in events] == [
        "seconds.decided",
        "state.changed",
        "state.changed",
        "case.opened",
    ]


def test_a_stop_does_not_end_a_case(store: Store) -> None:
    script = seconds(RUN, BAD, 8) + seconds(STOP, BAD, 90, counts=False) + seconds(RUN, BAD, 3)
    records, events = Play(store).run(script)
    assert {record.state for record in records[8:]} == {"ALARM"}
    assert [event.event for event in events].count("case.returned") == 0


def test_a_latched_alarm_ends_after_acknowledgement(store: Store) -> None:
    play = Play(store, Policy(latch=True))
    script = seconds(RUN, BAD, 8) + seconds(RUN, GOOD, 60)
    records, _ = play.run(script)
    assert records[-1].state == "ALARM"
    pipeline = play.begin(seconds(RUN, BAD, 8) + seconds(RUN, GOOD, 30))
    samples = np.random.default_rng(1).normal(0, 0.01, 16_000).astype(np.float32)
    for second in range(38):
        if second == 12:
            store.cases.acknowledge(store.cases.select()[0].id, "ann")
        pipeline.process(SoundBlock(samples, play.time_s + second))
    states = [record.state for record in play.records if isinstance(record, SecondRecord)]
    assert states[11] == "ALARM"
    assert states[-1] == "OK"


POOLING = fit_pooling(list(np.random.default_rng(0).gamma(2.0, 0.5, (20, 31, 2 * SUB_BAND_GROUPS))), "log")


class TrustedMicrophone(SensorCheck):
    """Checks no sound: for hours of scores that are the same whatever sounds."""

    def second(self, samples: Samples, *, repeated: float = 0.0) -> Health:
        return Health("ok", -40.0, -20.0, 0.0, 0.0)


def hour(median: float) -> list[SecondScore]:
    scores = np.random.default_rng(3).normal(median, 0.5, 3600)
    return [SecondScore(0, float(s), 0.5, np.zeros(16), OperatingResult(RUN, True)) for s in scores]


def test_drift_is_reported_once_opens_no_case_and_survives_a_restart(store: Store) -> None:
    calibration = calibrate(POOLING, list(np.random.default_rng(4).normal(0, 1, (10, 60))))
    play = Play(store, calibration=calibration, sensor=TrustedMicrophone())
    _, events = play.run(hour(0.0) + hour(3.5))
    assert events == []
    # Another run goes on where the last one ended: the second hour of 3.5 deviations is enough.
    _, events = play.run(hour(3.5) + hour(3.5))
    assert [event.event for event in events] == ["drift"]
    assert events[0].detail["shift"] == pytest.approx(3.5, abs=0.4)
    assert store.cases.select() == []
    _, events = play.run(hour(-20.0))
    assert [event.event for event in events] == ["drift.over"]


@pytest.mark.parametrize("broken_off_by", ["gap", "loss"])
def test_an_interruption_decides_held_seconds(store: Store, broken_off_by: str) -> None:
    play = Play(store)
    script = seconds(RUN, GOOD, 3) + seconds(RAMP, BAD, 5, counts=False) + seconds(RUN, GOOD, 1)
    pipeline = play.begin(script)
    noise = np.random.default_rng(1).normal(0, 0.01, 16_000).astype(np.float32)
    for number in range(8):
        pipeline.process(SoundBlock(noise, play.time_s + number))
    assert [record for record in play.records if isinstance(record, EventRecord)] == []
    if broken_off_by == "gap":
        pipeline.process(SoundBlock(noise, play.time_s + 8.5, gap=True))
    else:
        pipeline.process(MicrophoneLost(play.time_s + 8.5, "unplugged"))
    names = [record.event for record in play.records if isinstance(record, EventRecord)]
    assert names[:4] == ["seconds.decided", "state.changed", "state.changed", "case.opened"]


@pytest.mark.parametrize("broken_off_by", ["gap", "loss"])
def test_an_interruption_resets_the_sensor_check(store: Store, broken_off_by: str) -> None:
    class Check(SensorCheck):
        beginnings = 0

        def reset(self) -> None:
            self.beginnings += 1

    play = Play(store)
    pipeline = play.begin(seconds(RUN, GOOD, 2))
    pipeline._check = check = Check()
    noise = np.random.default_rng(1).normal(0, 0.01, 16_000).astype(np.float32)
    pipeline.process(SoundBlock(noise, play.time_s))
    assert check.beginnings == 0
    if broken_off_by == "gap":
        pipeline.process(SoundBlock(noise, play.time_s + 1.5, gap=True))
    else:
        pipeline.process(MicrophoneLost(play.time_s + 1.5, "unplugged"))
    assert check.beginnings == 1


def test_the_case_describes_its_worst_second(store: Store) -> None:
    """Text, evidence, score and p-value are of one second, whatever follows."""

    def second(number: int, score: float, group: int) -> SecondScore:
        groups = np.zeros(16)
        groups[group] = score
        return SecondScore(number, score, 10**-score, groups, OperatingResult(RUN, True))

    rising = [second(k, 6.0 + 0.1 * k, 2) for k in range(13)]
    worst = second(13, 11.0, 9)
    script = [*rising, worst, *(second(14 + k, 6.0, 4) for k in range(25))]
    Play(store).run(script)
    (case,) = store.cases.select()
    assert (case.peak_score, case.min_p_value) == (11.0, 10**-11.0)
    assert case.evidence["groups"] == pytest.approx(list(worst.groups))
    assert case.summary.count("11.0") == 1


def test_seconds_that_nobody_can_judge_are_not_ok_for_long(store: Store) -> None:
    """Ramps that lead nowhere and change with stops that nobody knows leave nothing to decide on."""
    script = [*seconds(RUN, GOOD, 5), *seconds(RAMP, BAD, 30, counts=False), *seconds(RUN, GOOD, 3)]
    records, events = Play(store).run(script)
    assert [r.state for r in records] == ["OK"] * 25 + [None] * 10 + ["OK"] * 3
    assert {r.not_judged for r in records[25:35]} == {"undecided"}
    assert [e.event for e in events] == ["machine.not_judged", "machine.judged"]
    assert "20 s" in events[0].message


def test_a_machine_that_stands_is_judged_to_stand(store: Store) -> None:
    records, events = Play(store).run([*seconds(RUN, GOOD, 5), *seconds(STOP, GOOD, 60, counts=False)])
    assert {(r.state, r.not_judged) for r in records} == {("OK", None)}
    assert events == []


def test_a_switch_of_the_model_decides_the_held_seconds_by_the_old_one(store: Store) -> None:
    play = Play(store)
    pipeline = play.begin([*seconds(RUN, GOOD, 3), *seconds(RAMP, BAD, 6, counts=False)])
    noise = np.random.default_rng(1).normal(0, 0.01, 16_000).astype(np.float32)
    for second in range(9):
        pipeline.process(SoundBlock(noise, play.time_s + second))
    assert not [r for r in play.records if isinstance(r, EventRecord)]
    after = cast(
        Scorer,
        SimpleNamespace(level=None, stream=lambda: Scripted(iter(seconds(RUN, GOOD, 2))), calibration=None),
    )
    after.detector = SimpleNamespace(name="student")  # type: ignore[assignment]
    pipeline.use(SessionModel("2", after, limit_for(1.0, 0.0), SensorCheck()))
    pipeline.process(SoundBlock(noise, play.time_s + 9))
    names = [r.event for r in play.records if isinstance(r, EventRecord)]
    # Six seconds that nearly never occur in normal sound are an alarm, whatever model comes next.
    assert names.index("seconds.decided") < names.index("case.opened") < names.index("model.activated")
