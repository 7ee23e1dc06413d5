"""Messages in words: the sentences of each event, in both languages, and as HTML."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomaly.alerts import AlertMessage, Case, CaseState
from anomaly.alerts.wording import MachineFacts, case_text
from anomaly.alerts.wording.html import as_html
from anomaly.alerts.wording.site_facts import machine_facts
from anomaly.config import Site, load_site
from anomaly.diagnose.context import DiagnosisContext
from anomaly.diagnose.sub_bands import SubBandDiagnoser
from anomaly.languages import LANGUAGES

TIME = "2027-01-15T08:00:00.000Z"
BAND = {"low_hz": 2_800.0, "high_hz": 3_600.0, "deviation": 4.52}
FACTS = MachineFacts("Pump 3", "Hall 2", 0.1)
EVENTS = (
    "case.opened",
    "case.escalated",
    "case.updated",
    "case.acknowledged",
    "case.assigned",
    "case.commented",
    "case.shelved",
    "case.unshelved",
    "case.returned",
    "case.closed",
)


def message(event: Any = "case.opened", kind: Any = "machine", **fields: Any) -> AlertMessage:
    given: dict[str, Any] = {
        "peak_score": 4.5,
        "min_p_value": 1e-5,
        "evidence": {"suspects": [BAND]},
    } | fields
    case = Case("pump", kind, TIME, "pump does not sound normal", id="1a2b3c4d" * 4, **given)
    return AlertMessage(event, "pump", TIME, case)


def rows(sent: AlertMessage, language: Any = "en", facts: MachineFacts = FACTS) -> dict[str, str]:
    return dict(case_text(sent, language, facts).rows)


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "anomaly.alerts.wording.catalogue.TextCatalogue.time", lambda _, unix_s: f"at {unix_s:.0f}"
    )


def test_an_alarm_in_english() -> None:
    text = case_text(message(), "en", FACTS)
    assert text.thread == "Pump 3 (Hall 2) does not sound normal [case 1a2b3c4d]"
    assert text.headline == "Pump 3 (Hall 2) does not sound normal."
    assert dict(text.rows) == {
        "Severity": "minor alarm",
        "Since": "at 1800000000",
        "How far": "Score 4.5 at its worst: normal sound gets that far in one second of 100,000."
        " The limit allows 3 false alarms a month.",
        "Change": "Most of it is 2.8 to 3.6 kHz, 4.5 deviations above normal.",
        "To check": "Listen to it and look at the machine: has speed, load, tool or a part changed since then?",
        "Confidence": "high, normal sound all but never gets that far",
        "Case": "1a2b3c4d",
    }
    assert text.plain.startswith(
        "Pump 3 (Hall 2) does not sound normal.\n\nSeverity:   minor alarm\nSince:      at 18"
    )


def test_an_alarm_in_german() -> None:
    text = case_text(message(), "de", FACTS)
    assert text.headline == "Pump 3 (Hall 2) klingt nicht normal."
    found = dict(text.rows)
    assert found["Wie weit"] == (
        "Höchster Wert 4,5: So weit kommt normaler Schall in einer von 100.000 Sekunden."
        " Die Grenze erlaubt 3 Fehlalarme im Monat."
    )
    assert found["Änderung"].startswith("Am meisten ändert sich der Bereich 2,8 bis 3,6 kHz")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["machine", "sensor"])
def test_every_event_has_a_headline_of_its_own(language: Any, kind: Any) -> None:
    evidence = {"status": "silent"} if kind == "sensor" else {"suspects": [BAND]}
    texts = [case_text(message(event, kind, evidence=evidence), language, FACTS) for event in EVENTS]
    assert len({text.headline for text in texts}) == len(EVENTS)
    assert len({text.thread for text in texts}) == 1
    assert all("Pump 3 (Hall 2)" in text.headline for text in texts)


@pytest.mark.parametrize(
    ("change_db", "words"),
    [
        (6.2, ", 6.2 dB louder than normal."),
        (-12.0, ", 12 dB quieter than normal."),
        (0.4, ": as loud as normal, but it sounds different."),
    ],
)
def test_the_kind_of_change(change_db: float, words: str) -> None:
    evidence = {"suspects": [BAND | {"change_db": change_db}]}
    assert rows(message(evidence=evidence))["Change"] == f"Most of it is 2.8 to 3.6 kHz{words}"
    assert "6,2 dB lauter" in rows(message(evidence=evidence), "de")["Änderung"] or change_db != 6.2


@pytest.mark.parametrize(
    ("low_hz", "high_hz", "words"),
    [
        (0.0, 180.5, "0 Hz to 180 Hz"),
        (740.0, 1_100.0, "740 Hz to 1.1 kHz"),
        (2_000.0, 2_800.0, "2.0 to 2.8 kHz"),
    ],
)
def test_bands(low_hz: float, high_hz: float, words: str) -> None:
    evidence = {"suspects": [{"low_hz": low_hz, "high_hz": high_hz, "deviation": 3.0, "change_db": 6.0}]}
    assert rows(message(evidence=evidence))["Change"] == f"Most of it is {words}, 6 dB louder than normal."


def test_the_evidence_of_the_diagnosis_is_understood() -> None:
    found = SubBandDiagnoser().diagnose(DiagnosisContext("pump", np.array([0.1, 0.2, 4.5, 0.3], np.float32)))
    assert "4.5 deviations" in rows(message(evidence=found.evidence))["Change"]


def test_without_evidence_the_summary_stands() -> None:
    assert rows(message(evidence={}))["Change"] == "pump does not sound normal"


@pytest.mark.parametrize(
    ("p_value", "far", "sure"),
    [
        (1e-9, "in less than one second of a million", "high"),
        (1e-3, "in one second of 1,000", "medium"),
        (0.05, "in one second of 20", "low"),
        (0.5, "often", "low"),
        (None, None, "low"),
    ],
)
def test_rarity_and_confidence(p_value: float | None, far: str | None, sure: str) -> None:
    found = rows(message(min_p_value=p_value), facts=MachineFacts())
    assert found["How far"] == (
        "Score 4.5 at its worst."
        if far is None
        else f"Score 4.5 at its worst: normal sound gets that far {far}."
    )
    assert found["Confidence"].startswith(f"{sure}, ")


def test_a_microphone() -> None:
    sent = message(kind="sensor", peak_score=None, min_p_value=None, evidence={"status": "silent"})
    found = rows(sent, "de")
    assert case_text(sent, "de", FACTS).headline.endswith("Die Maschine wird nicht beurteilt.")
    assert found["Änderung"] == "Das Mikrofon liefert keinen Schall."
    assert found["Zu prüfen"] == "Ist das Mikrofon angeschlossen, eingeschaltet und nicht stumm?"
    assert found["Schwere"] == "Störung des Mikrofons"
    assert "Wie weit" not in found


def test_a_case_that_is_over() -> None:
    sent = message("case.closed")
    assert sent.case is not None
    over = replace(
        sent, case=sent.case.returned("2027-01-15T09:00:00.000Z").closed("2027-01-15T10:00:00.000Z")
    )
    assert rows(over)["Since"] == "at 1800000000 until at 1800003600"
    assert rows(over)["To check"].startswith("Nothing.")
    assert over.case is not None
    assert over.case.state == CaseState.CLOSED


def test_who_acknowledged_it() -> None:
    sent = replace(message("case.acknowledged"), by="ann\r\nBcc: eve@example.com")
    assert case_text(sent).headline == "The case of pump is acknowledged. By ann Bcc: eve@example.com."


@pytest.mark.parametrize(
    ("event", "changes", "said"),
    [
        ("case.commented", {}, "There is a comment on the case of pump. By ann. Note: look"),
        (
            "case.assigned",
            {"assigned_to": "crew"},
            "The case of pump is assigned. By ann. Note: look To crew.",
        ),
        (
            "case.shelved",
            {"silenced_until": "2027-01-15T09:00:00.000Z"},
            "Messages about pump are held back. By ann. Note: look Until at 1800003600.",
        ),
        (
            "case.closed",
            {"finding": "outer-race", "action": "replaced"},
            "The case of pump is closed. By ann. Note: look Finding: damage of a bearing's outer ring."
            " Action: replaced.",
        ),
        (
            "case.work-reported",
            {"finding": "other", "action": "greased"},
            "Work on pump is reported. By ann. Note: look Finding: another cause, named in the note."
            " Action: greased.",
        ),
    ],
)
def test_particulars(event: Any, changes: dict[str, Any], said: str) -> None:
    sent = replace(message(event, **changes), by="ann", note="look")
    assert case_text(sent).headline == said


def test_the_severity_and_its_cause() -> None:
    worse = replace(message("case.escalated", severity=3), change="severity")
    assert case_text(worse).headline == "It has become worse at pump."
    assert case_text(replace(worse, change="again")).headline == "The alarm of pump has come back."
    assert rows(worse, "de")["Schwere"] == "schwerer Alarm"
    assert worse.case is not None
    asset = {"display_name": "Press", "location": "Hall 1", "criticality": "critical"}
    known = replace(worse, case=replace(worse.case, asset=asset))
    assert case_text(known).headline == "It has become worse at Press (Hall 1)."
    assert dict(case_text(known).rows)["Severity"] == "severe alarm, on a critical machine"


def test_a_test_is_marked_as_one() -> None:
    text = case_text(AlertMessage("test", "pump", TIME), "en", FACTS)
    assert text.headline.startswith("This is a test. It says nothing about Pump 3 (Hall 2)")
    assert text.rows == (("Time", "at 1800000000"),)


def test_html_is_escaped_and_loads_nothing() -> None:
    sent = message(evidence={}, acknowledged_by="<b>")
    assert sent.case is not None
    evil = "<script>alert(1)</script> & <img src='http://evil.example/x'>"
    sent = replace(sent, event="case.acknowledged", case=replace(sent.case, summary=evil))
    page = as_html(case_text(sent, "en", MachineFacts("<i>", '"')), "cid:picture")
    tags: list[tuple[str, dict[str, str | None]]] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append((tag, dict(attrs)))

    Tags().feed(page)
    names = [tag for tag, _ in tags]
    assert "script" not in names
    assert "i" not in names
    assert [attrs["src"] for tag, attrs in tags if tag == "img"] == ["cid:picture"]
    assert "&lt;script&gt;alert(1)" in page


def test_facts_of_the_site(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    pump = "{device: hw:0, false_alarms_per_day: 0.1, display_name: Pump 3, location: Hall 2}"
    path.write_text(f"machines: {{pump: {pump}}}\nlanguage: de\n")
    site = load_site(path, {})
    assert (site.language, Site().language) == ("de", "en")
    assert machine_facts(site, "pump") == FACTS
    assert machine_facts(site, "fan") == machine_facts(None, "pump") == MachineFacts()


def test_the_trend_stands_in_the_message_while_the_machine_rises() -> None:
    trend = {"state": "rising", "since": "2026-04-01T12:00:00.000Z", "lower_s": 6e5, "upper_s": 1e6}
    sent = message(evidence={"suspects": [BAND], "trend": {**trend, "held": 8, "of": 10}})
    assert rows(sent)["Trend"].endswith("alarm level in 6.9 to 12 days (8 of 10 such intervals held).")
    assert rows(sent, "de")["Verlauf"].startswith("Steigt seit ")
    steady = message(evidence={"suspects": [BAND], "trend": {"state": "steady", "since": None}})
    assert "Trend" not in rows(steady)
    assert "Trend" not in rows(message(evidence={"trend": "rising"}))
