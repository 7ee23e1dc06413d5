"""States of a case after ISA-18.2, and its extreme values."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly.errors import ConfigError, InputError
from anomaly.store.cases.case import Case, CaseState, iso_utc, json_value

Make = Callable[..., Case]
LATER = "2027-01-15T09:00:00.000Z"


def test_a_new_case_is_active_and_unacknowledged(make_case: Make) -> None:
    case = make_case()
    assert case.state == CaseState.ACTIVE_UNACKNOWLEDGED
    assert case.is_open
    assert len(case.id) == 32
    assert case.id != make_case().id


def test_acknowledged_then_returned_is_closed(make_case: Make) -> None:
    known = make_case().acknowledged("ann", LATER)
    assert (known.state, known.acknowledged_by) == (CaseState.ACTIVE_ACKNOWLEDGED, "ann")
    over = known.returned(LATER)
    assert (over.state, over.closed_at, over.returned_at) == (CaseState.CLOSED, LATER, LATER)


def test_returned_waits_for_acknowledgement(make_case: Make) -> None:
    waiting = make_case().returned(LATER)
    assert waiting.state == CaseState.RETURNED_UNACKNOWLEDGED
    assert waiting.is_open
    assert waiting.acknowledged("ann", LATER).state == CaseState.CLOSED


def test_an_alarm_that_comes_back_is_the_same_case(make_case: Make) -> None:
    case = make_case()
    assert case.returned(LATER).again() == case
    assert case.acknowledged("ann", LATER).again().state == CaseState.ACTIVE_ACKNOWLEDGED


@pytest.mark.parametrize("change", [lambda c: c.acknowledged("ann", LATER), lambda c: c.shelved(LATER)])
def test_a_closed_case_stays_closed(change: Callable[[Case], Case], make_case: Make) -> None:
    closed = make_case().closed(LATER)
    assert closed.returned(LATER) == closed.again() == closed.closed("x") == closed
    with pytest.raises(InputError, match="the case is closed since"):
        change(closed)


def test_shelving_has_an_end(make_case: Make) -> None:
    case = make_case().shelved(LATER)
    assert case.is_shelved("2027-01-15T08:59:59.999Z")
    assert not case.is_shelved(LATER)
    assert not make_case().is_shelved(LATER)


def test_measurements_that_are_not_worse_change_nothing(make_case: Make) -> None:
    case = make_case(peak_score=3.0, min_p_value=1e-3, evidence={"groups": [3.0]}).acknowledged("ann", LATER)
    newer = make_case(peak_score=2.0, min_p_value=1e-4, summary="Now two tones", evidence={"groups": [2.0]})
    assert case.merged(newer) == case


def test_worse_measurements_replace_all_of_them_together(make_case: Make) -> None:
    case = make_case(peak_score=3.0, min_p_value=1e-3, evidence={"groups": [3.0]}).acknowledged("ann", LATER)
    newer = make_case(peak_score=4.0, min_p_value=1e-4, summary="Now two tones", evidence={"groups": [4.0]})
    merged = case.merged(newer)
    assert (merged.peak_score, merged.min_p_value, merged.summary) == (4.0, 1e-4, "Now two tones")
    assert merged.evidence == {"groups": [4.0]}
    assert (merged.id, merged.state, merged.acknowledged_by) == (case.id, case.state, "ann")


def test_a_score_that_is_none_or_not_finite_changes_no_peak(make_case: Make) -> None:
    assert make_case(peak_score=3.0).merged(make_case()).peak_score == 3.0
    assert make_case().merged(make_case(peak_score=2.0)).peak_score == 2.0
    assert make_case(peak_score=3.0).merged(make_case(peak_score=float("nan"))).peak_score == 3.0


def test_the_severity_never_falls(make_case: Make) -> None:
    case = make_case(peak_score=3.0, severity=2)
    assert case.merged(make_case(peak_score=9.0, severity=1)).severity == 2
    worse = case.merged(make_case(peak_score=1.0, severity=3))
    assert (worse.severity, worse.peak_score) == (3, 3.0)
    with pytest.raises(InputError, match="4 is no severity"):
        make_case(severity=4)


def test_a_case_is_closed_with_a_finding(make_case: Make) -> None:
    closed = make_case().closed(LATER, "outer-race", "replaced")
    assert (closed.finding, closed.action) == ("outer-race", "replaced")
    assert closed.closed("x", "gear") == closed


@pytest.mark.parametrize(
    ("asset", "urgency"),
    [({}, 4), ({"criticality": "low"}, 2), ({"criticality": "critical"}, 8), ({"criticality": "new"}, 4)],
)
def test_urgency_is_severity_times_criticality(asset: dict[str, str], urgency: int, make_case: Make) -> None:
    case = make_case(severity=2, asset=asset)
    assert (case.urgency, case.to_dict()["urgency"]) == (urgency, urgency)
    assert make_case().merged(case).asset == asset
    assert case.merged(make_case()).asset == asset


def test_json_and_back(make_case: Make) -> None:
    case = make_case(peak_score=3.0, evidence={"groups": [1.0, 2.0]}).shelved(LATER)
    assert Case.from_dict(json.loads(json.dumps(case.to_dict()))) == case


def test_json_has_no_nan(make_case: Make) -> None:
    case = make_case(peak_score=float("inf"), evidence={"groups": np.array([1.0, np.nan], np.float32)})
    assert case.to_dict()["peak_score"] is None
    assert case.to_dict()["evidence"] == {"groups": [1.0, None]}
    assert json_value({1: (np.float32(0.5), True, None, "x", 3)}) == {"1": [0.5, True, None, "x", 3]}


@pytest.mark.parametrize("machine", ["", "../pump", "a/b", "pump+", "a#"])
def test_an_invalid_machine_name_is_refused(machine: str) -> None:
    with pytest.raises(ConfigError, match="is no machine name"):
        Case(machine, "machine", LATER, "x")


def test_an_unknown_kind_is_refused(make_case: Make) -> None:
    with pytest.raises(InputError, match="'cat' is no kind of case"):
        make_case(kind="cat")


@given(st.lists(st.floats(0, 4e9), min_size=2, max_size=20))
def test_times_as_text_sort_like_times(times: list[float]) -> None:
    texts = [iso_utc(t) for t in sorted(times)]
    assert texts == sorted(texts)
    assert all(len(text) == 24 and text.endswith("Z") for text in texts)


@given(st.lists(st.sampled_from(["acknowledge", "return", "again", "close"]), max_size=12))
def test_closed_is_the_final_state(steps: list[str]) -> None:
    case = Case("pump", "machine", LATER, "x")
    for step in steps:
        before = case
        match step:
            case "acknowledge":
                case = case.acknowledged("ann", LATER) if case.is_open else case
            case "return":
                case = case.returned(LATER)
            case "again":
                case = case.again()
            case _:
                case = case.closed(LATER)
        assert case.id == before.id
        assert before.is_open or case == before
        assert (case.closed_at is None) == case.is_open
