"""Feedback that a sensor case was a stop: its levels are kept, the case is closed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from anomaly.cli import run
from anomaly.detect.operating.confirmed_stops import read_confirmed_stops
from anomaly.detect.operating.states import OPERATING_BANDS
from anomaly.monitor.offline.stop_feedback import confirm_stop, is_unlearned_stop
from anomaly.store.cases.case import Case, CaseState
from anomaly.store.store import DATABASE_NAME, Store

NOW_S = 1_800_000_000.0
LEVELS = [-50.0] * OPERATING_BANDS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / DATABASE_NAME) as opened:
        yield opened


def stop_case(store: Store, **evidence: object) -> Case:
    evidence = {"status": "unlearned-stop", **evidence}
    case = Case("pump", "sensor", "2027-01-15T08:00:00.000Z", "quiet", evidence=evidence)
    assert store.cases.open(case) is not None
    return case


def test_the_stop_is_kept_and_the_case_closed(store: Store, tmp_path: Path) -> None:
    case = stop_case(store, stop_levels_db=LEVELS)
    assert is_unlearned_stop(case)
    result = confirm_stop(store, tmp_path, case, by="ann", note="weekend", now_s=NOW_S)
    assert (result.confirmed_stop, result.closed) == (True, True)
    (stop,) = read_confirmed_stops(tmp_path, "pump")
    assert (list(stop.levels_db), stop.by, stop.case) == (LEVELS, "ann", case.id)
    assert store.cases.find(case.id).state == CaseState.CLOSED
    events = store.history.events(case_id=case.id, name="case.feedback")
    assert [event.detail["verdict"] for event in events] == ["normal"]
    assert result.text()[0].endswith("is recorded as a stop of the machine: such sound is no fault again.")


def test_a_case_without_levels_is_settled_and_says_that_nothing_was_learned(
    store: Store, tmp_path: Path
) -> None:
    case = stop_case(store)
    result = confirm_stop(store, tmp_path, case, by="ann", note="", now_s=NOW_S)
    assert (result.confirmed_stop, result.closed) == (False, True)
    assert store.cases.find(case.id).state == CaseState.CLOSED
    assert read_confirmed_stops(tmp_path, "pump") == []
    assert "no levels of the stop" in "\n".join(result.text())


def test_other_cases_are_no_stops() -> None:
    at = "2027-01-15T08:00:00.000Z"
    assert not is_unlearned_stop(Case("pump", "sensor", at, "x", evidence={"status": "silent"}))
    assert not is_unlearned_stop(Case("pump", "machine", at, "x", evidence={"status": "unlearned-stop"}))


def test_the_command_confirms_it(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = stop_case(store, stop_levels_db=LEVELS)
    assert run(["feedback", case.id, "--fault", "--state", str(tmp_path)]) == 2
    assert run(["feedback", case.id, "--normal", "--state", str(tmp_path)]) == 0
    assert "The case is closed." in capsys.readouterr().out
    assert len(read_confirmed_stops(tmp_path, "pump")) == 1
