"""Replay: stored scores decided anew, matched with the cases there were."""

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
from anomaly.monitor.offline.replay import replay_clips, replay_history
from anomaly.monitor.offline.replay_clips import ClipHistory
from anomaly.monitor.offline.replay_result import ReplayResult, ReplaySpan
from anomaly.store.case import Case, iso_utc
from anomaly.store.rows import ClipRow, ScoreRow, StateRow
from anomaly.store.store import Store

MODEL = "student abc"
POOLING = fit_pooling(list(np.random.default_rng(0).gamma(2.0, 0.5, (20, 31, 2 * SUB_BAND_GROUPS))), "log")
BEGIN_S = 1_800_000_000.0
NOW_S = BEGIN_S + 1000.0


def calibration(mean: float = 0.0) -> Calibration:
    return calibrate(POOLING, list(np.random.default_rng(1).normal(mean, 1, (20, 60))))


def scorer(of: Calibration) -> Scorer:
    return cast(Scorer, SimpleNamespace(calibration=of))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    clock = [BEGIN_S]
    with Store.open(tmp_path / "anomaly.sqlite", clock=lambda: clock[0]) as opened:
        yield opened


def remember(store: Store, bad: tuple[int, int], score: float = 9.0, seconds: int = 1000) -> None:
    """Scores of normal sound with a stretch of bad seconds."""
    values = np.random.default_rng(2).normal(0, 1, seconds)
    values[bad[0] : bad[1]] = score
    own = calibration()
    store.history.add_scores(
        ScoreRow("pump", BEGIN_S + k, k, float(v), own.p_value(float(v)), "OK") for k, v in enumerate(values)
    )
    store.time_series.add_state(StateRow("pump", "model", BEGIN_S, MODEL))


def case_at(store: Store, begin: float, end: float) -> Case:
    opened = store.cases.open(Case("pump", "machine", iso_utc(BEGIN_S + begin), "it rattles"))
    assert opened is not None
    with store.database.transaction() as connection:
        connection.execute("UPDATE cases SET returned_at = ?, state = 'closed'", (iso_utc(BEGIN_S + end),))
    return opened


def replayed(store: Store, per_day: float = 24.0, clips: ClipHistory | None = None) -> ReplayResult:
    span = ReplaySpan(BEGIN_S, NOW_S, per_day)
    return replay_history(store, "pump", scorer(calibration()), span, model=MODEL, clips=clips)


def test_a_case_that_would_be_opened_again_stays(store: Store) -> None:
    remember(store, (400, 420))
    case = case_at(store, 405, 425)
    found = replayed(store)
    assert [(one.case, one.outcome, one.by) for one in found.cases] == [(case.id, "stays", "history")]
    assert found.appear == ()
    assert found.history_seconds == 1000
    assert found.to_dict()["summary"] == {"stays": 1, "vanishes": 0, "unknown": 0, "appear": 0}


def test_a_smaller_budget_lets_a_short_case_vanish(store: Store) -> None:
    remember(store, (400, 404))
    case_at(store, 403, 406)
    loose, strict = replayed(store, 1440.0), replayed(store, 0.001)
    assert [one.outcome for one in loose.cases] == ["stays"]
    assert [one.outcome for one in strict.cases] == ["vanishes"]
    assert strict.limit > loose.limit


def test_an_alarm_that_nobody_was_told_of_appears(store: Store) -> None:
    remember(store, (400, 420))
    found = replayed(store)
    assert found.cases == ()
    (alarm,) = found.appear
    assert iso_utc(BEGIN_S + 400) < alarm.begin < iso_utc(BEGIN_S + 412)
    assert alarm.peak_score == 9.0


def test_another_calibration_judges_the_scores_anew(store: Store) -> None:
    remember(store, (400, 420), score=5.0)
    case_at(store, 405, 425)
    louder = scorer(calibration(mean=5.0))
    span = ReplaySpan(BEGIN_S, NOW_S, 24.0)
    kept = replay_history(store, "pump", louder, span, model=MODEL)
    anew = replay_history(store, "pump", louder, span, model=MODEL, judge_anew=True)
    assert [one.outcome for one in kept.cases] == ["stays"]
    assert [one.outcome for one in anew.cases] == ["vanishes"]


def test_ramps_and_stops_are_left_out_as_the_monitor_did(store: Store) -> None:
    remember(store, (400, 440))
    for state, at in (("running", 0), ("ramping", 399), ("running", 420), ("stopped", 421), ("running", 440)):
        store.time_series.add_state(StateRow("pump", "operating", BEGIN_S + at, state))
    assert replayed(store).appear == ()


def test_what_was_no_ramp_counts(store: Store) -> None:
    remember(store, (400, 420))
    for state, at in (("running", 0), ("ramping", 399), ("unknown", 420)):
        store.time_series.add_state(StateRow("pump", "operating", BEGIN_S + at, state))
    assert len(replayed(store).appear) == 1


def test_a_deaf_microphone_begins_the_decision_anew(store: Store) -> None:
    remember(store, (400, 420))
    rows = store.history.scores("pump")
    with store.database.transaction() as connection:
        connection.execute("DELETE FROM scores")
    deaf = [
        ScoreRow("pump", r.time_s, r.second, None, None, "OK") if r.second % 4 else r
        for r in rows
        if r.second < 403 or r.second > 399
    ]
    store.history.add_scores(deaf)
    assert replayed(store).appear == ()


def test_what_is_no_longer_stored_is_unknown(store: Store) -> None:
    remember(store, (400, 420))
    case_at(store, 5, 20)
    (case,) = replayed(store).cases
    assert (case.outcome, case.by) == ("unknown", "its scores are gone")


def test_a_case_whose_scores_are_gone_is_judged_by_its_clip(store: Store, tmp_path: Path) -> None:
    remember(store, (400, 420))
    case = case_at(store, 5, 20)
    bad = tuple({"second": k, "score": 9.0, "p_value": 1e-9, "state": "OK"} for k in range(10))
    facts = ClipFacts(
        "0" * 12, case.id, "pump", "features", BEGIN_S, 160_000, 0, BEGIN_S + 5, "student", "abc", {}, True, bad
    )  # fmt: skip
    size = write_clip(tmp_path / "clips/one", facts, None, None, b"png")
    store.clips.add(ClipRow(facts.id, case.id, "pump", BEGIN_S, 10.0, "features", "one", size))
    (judged,) = replayed(store, clips=ClipHistory(tmp_path / "clips", MODEL)).cases
    assert (judged.outcome, judged.by) == ("stays", "clip")
    # All of its seconds were ramps: the decision would not have taken them.
    for state, at in (("ramping", -1), ("running", 30)):
        store.time_series.add_state(StateRow("pump", "operating", BEGIN_S + at, state))
    (judged,) = replayed(store, clips=ClipHistory(tmp_path / "clips", MODEL)).cases
    assert judged.outcome == "unknown"


def test_a_case_without_a_clip_is_unknown_to_another_model(store: Store, tmp_path: Path) -> None:
    case_at(store, 405, 425)
    found = replay_clips(
        store, "pump", scorer(calibration()), ReplaySpan(BEGIN_S, NOW_S, 1.0), tmp_path, model="student def"
    )
    assert [(one.outcome, one.by) for one in found.cases] == [("unknown", "no clip was kept")]
    assert (found.history_seconds, found.model) == (0, "student def")


def test_words_for_a_person(store: Store) -> None:
    remember(store, (400, 420))
    assert list(replayed(store).lines())[-1].startswith(
        "pump (student abc): 0 stay, 0 vanish, 1 appear, 0 unknown (limit "
    )


@pytest.mark.parametrize(
    ("changed_at", "outcome"),
    [(600, ("stays", "history")), (410, ("unknown", "another bundle or detector scored it"))],
)
def test_what_another_model_scored_is_left_out_and_told(
    store: Store, changed_at: int, outcome: tuple[str, str]
) -> None:
    remember(store, (400, 420))
    case_at(store, 405, 425)
    store.time_series.add_state(StateRow("pump", "model", BEGIN_S + changed_at, "student def"))
    found = replayed(store)
    assert (found.model, found.history_seconds) == (MODEL, changed_at)
    assert found.other_seconds == 1000 - changed_at
    assert [(one.outcome, one.by) for one in found.cases] == [outcome]
    assert f"{1000 - changed_at} s that another bundle" in "\n".join(found.lines())


def test_an_alarm_does_not_reach_across_the_seconds_of_another_model(store: Store) -> None:
    remember(store, (400, 420))
    # One bad second before, one after: together they would be an alarm.
    store.time_series.add_state(StateRow("pump", "model", BEGIN_S + 401, "teacher abc"))
    store.time_series.add_state(StateRow("pump", "model", BEGIN_S + 419, MODEL))
    found = replayed(store)
    assert (found.appear, found.other_seconds) == ((), 18)
