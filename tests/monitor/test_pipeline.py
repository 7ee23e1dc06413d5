"""Pipeline: one record a second, states, the case of the machine, and the effect of a faulty microphone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from anomaly.errors import ConfigError
from anomaly.monitor.sources.events import SoundBlock
from anomaly.monitor.stages import machine_case
from anomaly.store.cases.case import iso_utc

if TYPE_CHECKING:
    from conftest import Bench

LOUD, SILENT, OVERDRIVEN = 0.15, 0.0, 3.0


@pytest.mark.parametrize("block_s", [0.01, 0.1, 0.37, 1.0, 2.5])
def test_one_record_per_whole_second_at_the_time_of_its_end(bench: Bench, block_s: float) -> None:
    begun_s = bench.now_s
    bench.feed(5.4, block_s=block_s)
    assert [record.second for record in bench.seconds] == [0, 1, 2, 3, 4]
    ends = [record.time_s - begun_s for record in bench.seconds]
    assert ends == pytest.approx([1, 2, 3, 4, 5], abs=1e-3)
    assert {(r.state, r.sensor, r.score, r.p_value) for r in bench.seconds} == {("OK", "ok", 0.1, 0.6)}
    assert all(len(record.groups) == 16 for record in bench.seconds)
    assert bench.names == []


def test_the_time_follows_the_clock_of_the_microphone_not_a_count_of_samples(bench: Bench) -> None:
    rng = np.random.default_rng(1)
    for number in range(700):
        samples = rng.normal(0, 0.01, 1_603).astype(np.float32)
        # A device that is one percent fast: 0.1 s of the world for each 1603 samples.
        bench.process(SoundBlock(samples, bench.now_s + 0.0992 * number))
    lags = [record.time_s - bench.now_s - record.second - 1 for record in bench.seconds]
    assert lags[-1] == pytest.approx(-0.0098 * len(lags), rel=0.05)
    assert np.all(np.diff(lags) < 0.005)


def test_a_fault_opens_one_case_with_evidence(bench: Bench) -> None:
    bench.feed(10)
    bench.feed(8, LOUD)
    changes = [(e.detail["from"], e.detail["to"]) for e in bench.events if e.event == "state.changed"]
    assert changes == [("OK", "WATCH"), ("WATCH", "ALARM")]
    assert bench.names == ["state.changed", "state.changed", "case.opened"]
    assert bench.pipeline.alarms == 1
    (case,) = bench.store.cases.select()
    opened = bench.events[-1]
    assert (opened.detail["case"], opened.detail["kind"], opened.message) == (
        case.id,
        "machine",
        case.summary,
    )
    assert case.opened_at == iso_utc(opened.time_s)
    assert case.sound_position_s == next(r.second for r in bench.seconds if r.state == "ALARM") + 1
    assert (case.peak_score, case.min_p_value) == (9.0, 1e-6)
    assert len(case.evidence["groups"]) == 16
    assert bench.messages() == [("case.opened", "machine")]


def test_a_case_keeps_the_newest_trend(bench: Bench) -> None:
    bench.trend = {"state": "rising"}
    bench.feed(8, LOUD)
    (case,) = bench.store.cases.select()
    assert case.evidence["trend"] == {"state": "rising"}


def test_events_follow_the_second_that_caused_them(bench: Bench) -> None:
    bench.feed(8, LOUD)
    position = {id(record): index for index, record in enumerate(bench.records)}
    alarm = next(record for record in bench.seconds if record.state == "ALARM")
    opened = next(event for event in bench.events if event.event == "case.opened")
    assert position[id(opened)] == position[id(alarm)] + 2
    assert opened.time_s == alarm.time_s


def test_a_case_that_returned_is_reopened_by_the_same_fault(bench: Bench) -> None:
    bench.feed(8, LOUD)
    bench.feed(20)
    assert bench.names[-2:] == ["state.changed", "case.returned"]
    assert bench.cases("machine") == ["returned-unacknowledged"]
    bench.feed(8, LOUD)
    assert bench.names[-1] == "case.again"
    assert bench.cases("machine") == ["active-unacknowledged"]
    assert bench.pipeline.alarms == 2
    assert bench.messages() == [
        *(("case.opened", "machine"), ("case.returned", "machine"), ("case.escalated", "machine"))
    ]


def test_a_score_that_flaps_makes_one_case_and_few_messages(bench: Bench) -> None:
    for _ in range(100):
        bench.feed(6, LOUD, block_s=1.0)
        bench.feed(30, block_s=1.0)
    assert bench.pipeline.alarms == 100
    assert bench.cases("machine") == ["active-unacknowledged"]
    assert [event for event, _ in bench.messages()] == ["case.opened", "case.returned", "case.escalated"]
    bench.feed(60, block_s=1.0)
    assert bench.cases("machine") == ["returned-unacknowledged"]


def test_an_alarm_that_outlasts_maintenance_opens_a_case(bench: Bench) -> None:
    bench.store.maintenance.begin("pump", 30.0, "ann")
    bench.feed(20, LOUD)
    assert bench.seconds[-1].state == "ALARM"
    bench.feed(5, SILENT)
    assert (bench.cases("machine"), bench.cases("sensor")) == ([], [])
    bench.feed(15, LOUD)
    assert bench.cases("machine") == ["active-unacknowledged"]


def test_a_sound_far_above_the_limit_escalates_its_case_once(bench: Bench) -> None:
    bench.scores = np.linspace(0.0, 1.0, 1_000)
    bench.begin()
    bench.feed(8, LOUD)
    assert "case.escalated" not in bench.names
    bench.feed(12, LOUD)
    assert bench.names.count("case.escalated") == 1
    assert bench.events[-1].message == "minor to severe"
    assert bench.store.cases.select()[0].severity == 3
    bench.feed(20)
    bench.feed(20, LOUD)
    assert bench.names.count("case.escalated") == 1
    assert [event for event, _ in bench.messages()] == [
        *("case.opened", "case.escalated", "case.returned", "case.escalated")
    ]


def test_an_acknowledged_case_is_closed_by_normal_sound(bench: Bench) -> None:
    bench.feed(8, LOUD)
    bench.store.cases.acknowledge(bench.store.cases.select()[0].id, "ann")
    bench.feed(20)
    assert bench.cases("machine") == ["closed"]


def test_a_closed_case_is_replaced_while_the_fault_lasts(bench: Bench) -> None:
    bench.feed(8, LOUD)
    bench.store.cases.close(bench.store.cases.select()[0].id, by="ann")
    bench.feed(1, LOUD)
    assert bench.cases("machine") == ["closed", "active-unacknowledged"]
    assert bench.names.count("case.opened") == 2


def test_a_case_that_was_reported_as_normal_is_not_opened_again_for_the_same_alarm(bench: Bench) -> None:
    bench.feed(8, LOUD)
    case = bench.store.cases.select()[0]
    bench.store.history.add_event(
        "case.feedback", machine="pump", case_id=case.id, detail={"verdict": "normal"}
    )
    bench.store.cases.close(case.id, by="ann")
    bench.feed(20, LOUD)
    assert bench.cases("machine") == ["closed"]
    bench.feed(20)
    bench.feed(8, LOUD)
    assert bench.cases("machine") == ["closed", "active-unacknowledged"]


def test_an_alarm_that_outlasts_the_new_calibration_opens_a_case(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_case, "SETTLE_S", 5)
    bench.feed(8, LOUD)
    case = bench.store.cases.select()[0]
    bench.store.history.add_event(
        "case.feedback", machine="pump", case_id=case.id, detail={"verdict": "normal"}
    )
    bench.store.cases.close(case.id, by="ann")
    bench.feed(8, LOUD)
    assert bench.cases("machine") == ["closed", "active-unacknowledged"]


def test_an_open_case_keeps_its_worst_measurements(bench: Bench) -> None:
    bench.feed(8, LOUD)
    with bench.store.database.transaction() as connection:
        connection.execute("UPDATE cases SET peak_score = 1.0, min_p_value = 0.5")
    bench.feed(12, LOUD)
    (case,) = bench.store.cases.select()
    assert (case.peak_score, case.min_p_value) == (9.0, 1e-6)
    assert bench.messages() == [("case.opened", "machine")]


def test_scores_reach_the_store_in_batches_and_at_the_end(bench: Bench) -> None:
    bench.feed(25)
    assert len(bench.store.history.scores("pump")) == 21
    bench.pipeline.finish()
    rows = bench.store.history.scores("pump")
    assert [(row.second, row.score, row.state) for row in rows] == [(k, 0.1, "OK") for k in range(25)]
    bench.pipeline.finish()
    assert len(bench.store.history.scores("pump")) == 25


@pytest.mark.parametrize(("level", "status"), [(SILENT, "silent"), (OVERDRIVEN, "clipping")])
def test_a_bad_microphone_is_a_sensor_case_and_no_machine_case(
    bench: Bench, level: float, status: str
) -> None:
    bench.feed(5)
    bench.feed(20, level)
    assert bench.names == ["case.opened"]
    opened = bench.events[0]
    assert opened.detail["kind"] == "sensor"
    assert opened.time_s - bench.seconds[4].time_s == pytest.approx(3)
    assert (bench.cases("sensor"), bench.cases("machine")) == (["active-unacknowledged"], [])
    deaf = bench.seconds[5:]
    assert {(r.sensor, r.score, r.p_value, r.groups) for r in deaf} == {(status, None, None, ())}
    # From the third bad second on the machine is not judged: what is not judged is not OK.
    assert [(r.state, r.not_judged) for r in deaf] == [("OK", None)] * 2 + [(None, status)] * 18
    bench.feed(2.5)
    assert bench.names == ["case.opened"]
    bench.feed(1)
    assert bench.names == ["case.opened", "sensor.recovered"]
    assert bench.cases("sensor") == ["closed"]
    assert bench.seconds[-1].score == 0.1
    assert bench.messages() == [("case.opened", "sensor"), ("case.closed", "sensor")]


def test_two_bad_seconds_open_no_case(bench: Bench) -> None:
    for _ in range(5):
        bench.feed(2, SILENT)
        bench.feed(6)
    assert bench.names == []
    assert [record.score is None for record in bench.seconds[:4]] == [True, True, False, False]


def test_every_other_second_bad_is_a_sensor_case(bench: Bench) -> None:
    for _ in range(4):
        bench.feed(1, SILENT)
        bench.feed(1)
    assert bench.names == ["case.opened"]
    assert bench.events[0].detail["fault"] == "silent"
    assert (bench.seconds[-1].state, bench.seconds[-1].not_judged) == (None, "silent")


def test_a_sensor_fault_does_not_return_an_open_machine_case(bench: Bench) -> None:
    bench.feed(8, LOUD)
    bench.feed(5, SILENT)
    assert bench.names[-2:] == ["case.opened", "state.changed"]
    assert (bench.events[-1].detail["from"], bench.events[-1].detail["to"]) == ("ALARM", "OK")
    bench.feed(15, LOUD)
    assert bench.cases("machine") == ["active-unacknowledged"]
    bench.feed(4, SILENT)
    bench.feed(61)
    assert bench.cases("machine") == ["active-unacknowledged"]
    bench.feed(3)
    assert bench.cases("machine") == ["returned-unacknowledged"]
    machine = [message for message in bench.messages() if message[1] == "machine"]
    assert machine == [("case.opened", "machine"), ("case.returned", "machine")]


def test_a_lost_microphone_is_reported_once_and_inhibits_machine_cases(bench: Bench) -> None:
    bench.feed(5.5)
    bench.lose_microphone(4)
    assert bench.names == ["device.lost", "case.opened"]
    assert "the microphone is gone (gave no sound for 3 s)" in bench.events[1].message
    assert bench.stream.resets == 4
    bench.feed(2.9)
    assert bench.cases("sensor") == ["active-unacknowledged"]
    bench.feed(0.2)
    assert bench.names[-1] == "sensor.recovered"
    assert [record.second for record in bench.seconds] == list(range(8))
    kept = [event.event for event in bench.store.history.events(machine="pump")]
    assert kept == ["device.lost", "case.opened", "case.closed"]


def test_a_silent_microphone_that_is_then_lost_has_one_case(bench: Bench) -> None:
    bench.feed(5, SILENT)
    bench.lose_microphone(2)
    assert bench.names == ["case.opened", "device.lost"]
    (case,) = bench.store.cases.select()
    assert case.evidence == {"status": "lost"}


def test_a_closed_sensor_case_is_replaced_while_the_fault_lasts(bench: Bench) -> None:
    bench.lose_microphone()
    bench.store.cases.close(bench.store.cases.select()[0].id, by="ann")
    bench.lose_microphone(3)
    assert bench.cases("sensor") == ["closed", "active-unacknowledged"]
    bench.feed(4)
    assert bench.cases("sensor") == ["closed", "closed"]


def test_gaps_are_reported_together_and_reset_the_score(bench: Bench) -> None:
    bench.feed(1.5)
    for _ in range(4):
        bench.feed(1.5, gap=True, block_s=1.5)
    assert bench.names == ["audio.gap"]
    assert bench.stream.resets == 4
    assert len(bench.seconds) == 5
    bench.feed(60)
    bench.feed(1.5, gap=True, block_s=1.5)
    assert [event.detail["gaps"] for event in bench.events] == [1, 4]
    assert [event.event for event in bench.store.history.events()] == ["audio.gap", "audio.gap"]


def test_sound_without_a_whole_second_is_a_sensor_case(bench: Bench) -> None:
    bench.feed(3)
    bench.feed(6, gap=True)
    assert bench.names == ["audio.gap", "case.opened"]
    assert bench.events[1].time_s - bench.seconds[2].time_s == pytest.approx(3, abs=0.2)
    assert "arrives in pieces" in bench.events[1].message
    bench.feed(4)
    assert bench.names[-1] == "sensor.recovered"


def test_a_gap_after_an_hour_without_microphone_is_only_a_gap(bench: Bench) -> None:
    bench.feed(3)
    bench.lose_microphone(2)
    bench.now_s += 3600
    bench.feed(0.5)
    bench.feed(4.5, gap=True, block_s=4.5)
    assert bench.names == ["device.lost", "case.opened", "audio.gap", "sensor.recovered"]


def test_a_full_disk_is_reported_once_and_no_score_is_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> Any:
        raise ConfigError("database: database or disk is full", where="anomaly.sqlite")

    bench.feed(5)
    with monkeypatch.context() as patch:
        patch.setattr(bench.store.database, "transaction", full)
        bench.feed(12)
        bench.feed(8, LOUD)
        bench.lose_microphone(2)
        bench.feed(4)
        bench.feed(8, LOUD)
    assert bench.names.count("store.failed") == 1
    assert len(caplog.records) == 1
    assert [record.second for record in bench.seconds] == list(range(37))
    bench.feed(10, LOUD)
    bench.pipeline.finish()
    assert "store.recovered" in bench.names
    assert bench.cases("machine") == ["active-unacknowledged"]
    assert bench.cases("sensor") == []
    assert [row.second for row in bench.store.history.scores("pump")] == list(range(47))


def test_a_restart_after_a_kill_continues_the_open_case(bench: Bench) -> None:
    bench.feed(8, LOUD)
    bench.begin()
    bench.feed(50)
    assert bench.cases("machine") == ["active-unacknowledged"]
    bench.feed(11)
    assert bench.cases("machine") == ["returned-unacknowledged"]
    assert bench.names.count("case.opened") == 1


def test_an_alarm_soon_after_a_restart_reopens_a_case_that_had_returned(bench: Bench) -> None:
    bench.feed(8, LOUD)
    bench.feed(20)
    bench.begin()
    bench.feed(8, LOUD)
    assert bench.names[-1] == "case.again"
    assert bench.cases("machine") == ["active-unacknowledged"]
    assert bench.messages()[-1] == ("case.escalated", "machine")


def test_a_sensor_case_left_open_is_closed_by_a_good_microphone(bench: Bench) -> None:
    bench.lose_microphone()
    bench.begin()
    bench.feed(4)
    assert bench.cases("sensor") == ["closed"]
    assert bench.names == ["device.lost", "case.opened", "sensor.recovered"]
