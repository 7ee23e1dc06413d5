"""The card of a case: in words, in local time, with rounded numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from anomaly.alerts.case_card import case_card
from anomaly.audio.sensor.health import Status
from anomaly.store.cases.case import Case, iso_utc
from anomaly.store.database.rows import EventRow
from support.surroundings import in_time_zone

BEGIN_S = 1_800_000_000.0
GROUPS = [0.1] * 14 + [4.6, 9.8]
EDGES = [500.0 * k for k in range(17)]


@pytest.fixture(autouse=True)
def summer() -> Iterator[None]:
    """The computer stands two hours east of Greenwich."""
    with in_time_zone("XST-2"):
        yield


def machine_case(**changes: Any) -> Case:
    evidence = {"groups": GROUPS, "edges_hz": EDGES}
    facts = {"peak_score": 9.81234, "min_p_value": 1e-12, "evidence": evidence} | changes
    return Case("pump", "machine", iso_utc(BEGIN_S), "pump does not sound normal", **facts)


def card(case: Case, events: list[EventRow] | None = None, after_s: float = 750.0) -> list[str]:
    return list(case_card(case, events or [], BEGIN_S + after_s))


def test_a_card_answers_what_since_when_how_bad_where_and_what_to_do() -> None:
    case = machine_case()
    short = case.id[:8]
    assert card(case) == [
        f"Case {short}: pump, open, nobody has acknowledged it",
        "",
        "what     pump does not sound normal",
        "since    2027-01-15 10:00:00 XST, for 12 min",
        "how bad  minor, score 9.8 at its worst: normal sound is so far off less often than once in a million seconds "
        "of normal sound",
        "urgency  2 of 12",
        "where    7.0 to 7.5 kHz   #########            4.6 deviations above normal",
        "         7.5 to 8.0 kHz   #################### 9.8 deviations above normal",
        f"to do    Listen to it: anomaly cases clip {short} --play",
        "         Look at the machine: has speed, load, tool or a part changed since then?",
        f"         If it is how the machine is to sound: anomaly feedback {short} --normal",
        f"         Say that you know: anomaly cases ack {short}",
    ]


def test_the_change_in_decibels_is_shown_if_it_is_known() -> None:
    suspect = {"low_hz": 2_000.0, "high_hz": 2_800.0, "deviation": 9.8}
    case = machine_case(evidence={"groups": GROUPS, "edges_hz": EDGES, "suspects": [suspect]})
    assert not [line for line in card(case) if line.startswith("change")]
    known = machine_case(evidence={"suspects": [suspect | {"change_db": -6.0}]})
    assert "change   Most of it is 2.0 to 2.8 kHz, 6 dB quieter than normal." in card(known)


def test_history_is_in_words_and_local_time() -> None:
    case = machine_case().acknowledged("ann", iso_utc(BEGIN_S + 60))
    events = [
        EventRow(iso_utc(BEGIN_S), "case.opened", "pump", case.id, {}),
        EventRow(
            iso_utc(BEGIN_S + 9), "clip.saved", "pump", case.id, {"clip": "x", "words": "full, 9 bytes"}
        ),
        EventRow(
            iso_utc(BEGIN_S + 60), "case.acknowledged", "pump", case.id, {"by": "ann", "note": "on my way"}
        ),
        EventRow(
            iso_utc(BEGIN_S + 90),
            "case.updated",
            "pump",
            case.id,
            {"change": "silenced", "by": "ann", "until": iso_utc(BEGIN_S + 3600)},
        ),
        EventRow(iso_utc(BEGIN_S + 99), "something.new", "pump", case.id, {}),
    ]
    assert card(case, events)[-5:] == [
        "history  2027-01-15 10:00:00 XST  opened",
        "         2027-01-15 10:00:09 XST  clip of the sound saved: full, 9 bytes",
        "         2027-01-15 10:01:00 XST  acknowledged by ann: on my way",
        "         2027-01-15 10:01:30 XST  messages held back until 2027-01-15 11:00:00 XST by ann",
        "         2027-01-15 10:01:39 XST  something.new",
    ]
    assert "Say that you know" not in "\n".join(card(case, events))


def test_a_closed_case_asks_for_nothing() -> None:
    case = machine_case().returned(iso_utc(BEGIN_S + 60)).closed(iso_utc(BEGIN_S + 90))
    lines = card(case)
    assert lines[0].endswith("pump, closed")
    assert lines[3] == "since    2027-01-15 10:00:00 XST, until 2027-01-15 10:01:00 XST"
    assert lines[-1].startswith("to do    Nothing.")


@pytest.mark.parametrize("status", ["silent", "gain", "lost", "something-new"])
def test_a_sensor_case_says_what_to_check(status: Status) -> None:
    case = Case("pump", "sensor", iso_utc(BEGIN_S), "pump: the microphone", evidence={"status": status})
    lines = card(case)
    assert [line for line in lines if line.startswith("to do")]
    assert "The machine is not judged until the microphone is well again." in "\n".join(lines)
    assert not [line for line in lines if line.startswith(("where", "how bad"))]


@pytest.mark.parametrize("evidence", [{}, {"groups": [1.0]}, {"groups": "x", "edges_hz": 3}])
def test_evidence_of_another_version_is_left_out(evidence: dict[str, Any]) -> None:
    assert not [line for line in card(machine_case(evidence=evidence)) if line.startswith("where")]


def test_the_trend_is_shown_while_the_machine_rises() -> None:
    trend = {
        "state": "rising",
        "since": iso_utc(BEGIN_S),
        "lower_s": 6e5,
        "upper_s": 1e6,
        "held": 8,
        "of": 10,
    }
    shown = [line for line in card(machine_case(evidence={"trend": trend})) if line.startswith("trend ")]
    assert len(shown) == 1
    assert shown[0].endswith("alarm level in 6.9 to 12 days (8 of 10 such intervals held).")


def test_the_explanation_of_the_sound_is_shown_if_there_is_one() -> None:
    case = machine_case(evidence={"explanation": {"sentence": "A tone at 2.0 kHz, 9 dB above normal."}})
    assert "why      A tone at 2.0 kHz, 9 dB above normal." in card(case)
