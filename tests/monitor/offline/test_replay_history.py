"""Replay of stored scores: the decision over again, matched with the stored cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from anomaly.detect.calibration.calibration import Calibration, calibrate
from anomaly.detect.pooling import SUB_BAND_GROUPS, fit_pooling
from anomaly.detect.scoring import Scorer
from anomaly.monitor.clips.files import ClipFacts, write_clip
from anomaly.monitor.offline.replay_clip_seconds import ClipHistory
from anomaly.monitor.offline.replay_history import replay_history
from anomaly.monitor.offline.replay_result import ReplayResult, ReplaySpan
from anomaly.store.cases.case import Case, iso_utc
from anomaly.store.database.rows import ClipRow, ScoreRow, StateRow
from anomaly.store.store import Store

MODEL = "student abc"
POOLING = fit_pooling(list(np.random.default_rng(0).gamma(2.0, 0.5, (20, 31, 2 * SUB_BAND_GROUPS))), "log")
BEGIN_S = 1_800_000_000.0
NOW_S = BEGIN_S + 1000.0


def normal_calibration(mean: float = 0.0) -> Calibration:
    return calibrate(POOLING, list(np.random.default_rng(1).normal(mean, 1, (20, 60))))


def scorer_with(calibration: Calibration) -> Scorer:
    return cast(Scorer, SimpleNamespace(calibration=calibration))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    clock = [BEGIN_S]
    with Store.open(tmp_path / "anomaly.sqlite", clock=lambda: clock[0]) as opened:
        yield opened


def store_scores(store: Store, bad: tuple[int, int], score: float = 9.0, seconds: int = 1000) -> None:
    """Scores of normal sound with a stretch of bad seconds."""
    values = np.random.default_rng(2).normal(0, 1, seconds)
    values[bad[0] : bad[1]] = score
    own = normal_calibration()
    store.history.add_scores(
        ScoreRow("pump", BEGIN_S + k, k, float(v), own.p_value(float(v)), "OK") for k, v in enumerate(values)
    )
    store.time_series.add_state(StateRow("pump", "model", BEGIN_S, MODEL))


def store_case(store: Store, begin: float, end: float) -> Case:
    opened = store.cases.open(Case("pump", "machine", iso_utc(BEGIN_S + begin), "it rattles"))
    assert opened is not None
    with store.database.transaction() as connection:
        connection.execute("UPDATE cases SET returned_at = ?, state = 'closed'", (iso_utc(BEGIN_S + end),))
    return opened


def replay(store: Store, per_day: float = 24.0, clips: ClipHistory | None = None) -> ReplayResult:
    span = ReplaySpan(BEGIN_S, NOW_S, per_day)
    return replay_history(store, "pump", scorer_with(normal_calibration()), span, model=MODEL, clips=clips)


def test_a_case_with_an_alarm_stays(store: Store) -> None:
    store_scores(store, (400, 420))
    case = store_case(store, 405, 425)
    found = replay(store)
    assert [(one.case, one.outcome, one.by) for one in found.cases] == [(case.id, "stays", "history")]
    assert found.appear == ()
    assert found.history_seconds == 1000
    assert found.to_dict()["summary"] == {"stays": 1, "vanishes": 0, "unknown": 0, "appear": 0}


def test_a_short_case_vanishes_with_a_smaller_budget(store: Store) -> None:
    store_scores(store, (400, 404))
    store_case(store, 403, 406)
    loose, strict = replay(store, 1440.0), replay(store, 0.001)
    assert [one.outcome for one in loose.cases] == ["stays"]
    assert [one.outcome for one in strict.cases] == ["vanishes"]
    assert strict.limit > loose.limit


def test_an_alarm_without_a_case_appears(store: Store) -> None:
    store_scores(store, (400, 420))
    found = replay(store)
    assert found.cases == ()
    (alarm,) = found.appear
    assert iso_utc(BEGIN_S + 400) < alarm.begin < iso_utc(BEGIN_S + 412)
    assert alarm.peak_score == 9.0


def test_another_calibration_gives_stored_scores_other_probabilities(store: Store) -> None:
    store_scores(store, (400, 420), score=5.0)
    store_case(store, 405, 425)
    louder = scorer_with(normal_calibration(mean=5.0))
    span = ReplaySpan(BEGIN_S, NOW_S, 24.0)
    repeated = replay_history(store, "pump", louder, span, model=MODEL)
    assert [one.outcome for one in replay(store).cases] == ["stays"]
    assert [one.outcome for one in repeated.cases] == ["vanishes"]
    # Nor does an alarm appear: 5 is an ordinary score by that calibration, and 0 a low one.
    assert repeated.appear == ()


def test_ramps_and_stops_are_left_out_as_in_the_monitor(store: Store) -> None:
    store_scores(store, (400, 440))
    for state, at in (("running", 0), ("ramping", 399), ("running", 420), ("stopped", 421), ("running", 440)):
        store.time_series.add_state(StateRow("pump", "operating", BEGIN_S + at, state))
    assert replay(store).appear == ()


def test_seconds_before_an_unknown_state_are_no_ramp_and_count(store: Store) -> None:
    store_scores(store, (400, 420))
    for state, at in (("running", 0), ("ramping", 399), ("unknown", 420)):
        store.time_series.add_state(StateRow("pump", "operating", BEGIN_S + at, state))
    assert len(replay(store).appear) == 1


def test_missing_seconds_reset_the_decision(store: Store) -> None:
    store_scores(store, (400, 420))
    rows = store.history.scores("pump")
    with store.database.transaction() as connection:
        connection.execute("DELETE FROM scores")
    with_gaps = [
        ScoreRow("pump", r.time_s, r.second, None, None, "OK") if r.second % 4 else r
        for r in rows
        if r.second < 403 or r.second > 399
    ]
    store.history.add_scores(with_gaps)
    assert replay(store).appear == ()


def test_a_case_without_stored_scores_is_unknown(store: Store) -> None:
    store_scores(store, (400, 420))
    store_case(store, 5, 20)
    (case,) = replay(store).cases
    assert (case.outcome, case.by) == ("unknown", "its scores are gone")


def test_a_case_without_stored_scores_is_decided_by_its_clip(store: Store, tmp_path: Path) -> None:
    store_scores(store, (400, 420))
    case = store_case(store, 5, 20)
    bad = tuple({"second": k, "score": 9.0, "p_value": 1e-9, "state": "OK"} for k in range(10))
    facts = ClipFacts(
        "0" * 12, case.id, "pump", "features", BEGIN_S, 160_000, 0, BEGIN_S + 5, "student", "abc", {}, True, bad
    )  # fmt: skip
    size = write_clip(tmp_path / "clips/one", facts, None, None, b"png")
    store.clips.add(ClipRow(facts.id, case.id, "pump", BEGIN_S, 10.0, "features", "one", size))
    (case_result,) = replay(store, clips=ClipHistory(tmp_path / "clips", MODEL)).cases
    assert (case_result.outcome, case_result.by) == ("stays", "clip")
    # All of its seconds were ramps, which the decision does not count.
    for state, at in (("ramping", -1), ("running", 30)):
        store.time_series.add_state(StateRow("pump", "operating", BEGIN_S + at, state))
    (case_result,) = replay(store, clips=ClipHistory(tmp_path / "clips", MODEL)).cases
    assert case_result.outcome == "unknown"


@pytest.mark.parametrize(
    ("changed_at", "outcome"),
    [(600, ("stays", "history")), (410, ("unknown", "another bundle or detector scored it"))],
)
def test_scores_of_another_model_are_left_out_and_counted(
    store: Store, changed_at: int, outcome: tuple[str, str]
) -> None:
    store_scores(store, (400, 420))
    store_case(store, 405, 425)
    store.time_series.add_state(StateRow("pump", "model", BEGIN_S + changed_at, "student def"))
    found = replay(store)
    assert (found.model, found.history_seconds) == (MODEL, changed_at)
    assert found.other_seconds == 1000 - changed_at
    assert [(one.outcome, one.by) for one in found.cases] == [outcome]


def test_seconds_of_another_model_interrupt_an_alarm(store: Store) -> None:
    store_scores(store, (400, 420))
    # One bad second before, one after: together they would be an alarm.
    store.time_series.add_state(StateRow("pump", "model", BEGIN_S + 401, "teacher abc"))
    store.time_series.add_state(StateRow("pump", "model", BEGIN_S + 419, MODEL))
    found = replay(store)
    assert (found.appear, found.other_seconds) == ((), 18)
