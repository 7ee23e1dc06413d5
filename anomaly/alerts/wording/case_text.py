"""Sentences of a message: what has happened where, how bad it is, since when, what to check, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from anomaly.alerts.wording.catalogue import TextCatalogue, catalogue
from anomaly.alerts.wording.group_text import group_headline, group_rows
from anomaly.alerts.wording.trend_text import trend_text
from anomaly.languages import Language
from anomaly.readable import COMMON_P, LEAST_P, one_line, rate
from anomaly.store.cases.case import SHORT_ID, Case, unix_s
from anomaly.store.outbox.message import AlertMessage

# Below these probabilities of a second of normal sound the confidence is high, and medium.
_HIGH_P, _MEDIUM_P = 1e-4, 1e-2
# Changes of level within the scatter of normal sound.
_LEAST_CHANGE_DB = 1.0


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """Facts of a machine that its site file holds.

    Args:
        name: its name for people; default: the name of the message.
        place: where it stands.
        false_alarms_per_day: budget of false alarms.
    """

    name: str | None = None
    place: str | None = None
    false_alarms_per_day: float | None = None


@dataclass(frozen=True, slots=True)
class CaseText:
    """Message in words.

    Args:
        language: of the words.
        thread: subject that all messages of a case share.
        headline: one sentence that says what has happened, and who did it.
        rows: names and sentences below it, in order.
        picture: name of the picture.
        reason: why one gets the message.
    """

    language: Language
    thread: str
    headline: str
    rows: tuple[tuple[str, str], ...]
    picture: str
    reason: str

    @property
    def plain(self) -> str:
        """The message as plain text."""
        width = max((len(name) for name, _ in self.rows), default=0) + 2
        lines = [f"{name + ':':<{width}}{text}" for name, text in self.rows]
        return "\n".join([self.headline, "", *lines, ""])


def case_text(
    message: AlertMessage, language: Language = "en", facts: MachineFacts | None = None
) -> CaseText:
    """Put a message into words.

    Args:
        message: about a case, or a test.
        language: of the words.
        facts: of its machine.
    """
    words, facts = catalogue(language), facts or MachineFacts()
    if message.group:
        headline, rows = group_headline(message, words), tuple(group_rows(message, words))
        return CaseText(language, headline, headline, rows, words.text("picture"), words.text("reason"))
    case = message.case
    asset = {} if case is None else case.asset
    name = one_line(facts.name or asset.get("display_name") or message.machine)
    place = one_line(facts.place or asset.get("location") or "")
    machine = words.text("machine-at" if place else "machine", name=name, place=place)
    thread = (
        words.text("thread", "test", machine=machine)
        if case is None
        else words.text("thread", case.kind, machine=machine, case=case.id[:SHORT_ID])
    )
    return CaseText(
        language,
        thread,
        _headline(message, machine, words),
        tuple(_rows(message, facts, words)),
        words.text("picture"),
        words.text("reason"),
    )


def _headline(message: AlertMessage, machine: str, words: TextCatalogue) -> str:
    case, event = message.case, str(message.event)
    section = "sensor-headlines" if case is not None and case.kind == "sensor" else "headlines"
    names = (f"{event}.{message.change}", event)
    places = ((section, name) for section in (section, "headlines") for name in names)
    section, event = next(place for place in places if words.has(*place))
    return " ".join([words.text(section, event, machine=machine), *_particulars(message, words)])


def _particulars(message: AlertMessage, words: TextCatalogue) -> Iterator[str]:
    """Yield who has changed the case, to whom it is assigned, until when it is shelved, and what was found."""
    case = message.case
    if case is None:
        return
    found = {"by": message.by, "note": message.note}
    if message.event == "case.assigned":
        found["assigned"] = case.assigned_to
    if message.event == "case.shelved" and case.silenced_until:
        found["until"] = words.time(unix_s(case.silenced_until))
    if message.event in ("case.closed", "case.work-reported"):
        known = case.finding is not None and words.has("findings", case.finding)
        found["finding"] = words.text("findings", str(case.finding)) if known else case.finding
        found["action"] = case.action
    for name, value in found.items():
        if value:
            yield words.text("particulars", name, value=one_line(str(value)))


def _rows(message: AlertMessage, facts: MachineFacts, words: TextCatalogue) -> Iterator[tuple[str, str]]:
    case = message.case
    if case is None:
        yield words.text("rows", "time"), words.time(unix_s(message.time))
        return
    yield words.text("rows", "severity"), _severity(case, words)
    yield words.text("rows", "since"), _since(case, words)
    if case.peak_score is not None:
        yield words.text("rows", "how-far"), _how_far(case, facts, words)
    yield words.text("rows", "change"), change_sentence(case, words)
    if trend := rising_trend(case, words):
        yield words.text("rows", "trend"), trend
    yield words.text("rows", "check"), _check(case, words)
    yield words.text("rows", "confidence"), _confidence(case, words)
    yield words.text("rows", "case"), case.id[:SHORT_ID]


def _severity(case: Case, words: TextCatalogue) -> str:
    kind = words.text("severities", case.kind)
    if case.kind == "sensor":
        return kind
    rated = words.text("severities", "rated", kind=kind, step=words.text("severities", str(case.severity)))
    criticality = case.asset.get("criticality", "")
    if not words.has("criticalities", criticality):
        return rated
    return f"{rated}, {words.text('criticalities', criticality)}"


def _since(case: Case, words: TextCatalogue) -> str:
    begin = words.time(unix_s(case.opened_at))
    end = case.returned_at or case.closed_at
    return begin if end is None else words.text("span", begin=begin, end=words.time(unix_s(end)))


def _how_far(case: Case, facts: MachineFacts, words: TextCatalogue) -> str:
    budget = ""
    if facts.false_alarms_per_day:
        number, unit = rate(facts.false_alarms_per_day).split(" ", 1)
        section = "one-rates" if number == "1" else "rates"
        budget = words.text("budget", rate=words.text(section, unit, number=number))
    score = words.number(case.peak_score or 0.0)
    if case.min_p_value is None:
        return words.text("how-far-no-rarity", score=score, budget=budget).strip()
    return words.text("how-far", score=score, rarity=_rarity(case.min_p_value, words), budget=budget).strip()


def _rarity(p_value: float, words: TextCatalogue) -> str:
    if p_value > COMMON_P:
        return words.text("rarity", "common")
    if p_value < LEAST_P:
        return words.text("rarity", "never")
    return words.text("rarity", "once", seconds=words.number(round(1.0 / p_value)))


def change_sentence(case: Case, words: TextCatalogue) -> str:
    """Return which band of a machine has changed most and by how much, or what is wrong with its microphone."""
    fault = str(case.evidence.get("status"))
    if case.kind == "sensor" and words.has("faults", fault):
        return _sentence(words.text("faults", fault))
    worst = _worst_band(case.evidence)
    if worst is None:
        return one_line(case.summary)
    values = {
        "band": words.band(worst["low_hz"], worst["high_hz"]),
        "deviation": words.number(worst["deviation"]),
    }
    change_db = worst.get("change_db")
    if change_db is None:
        return words.text("change", "band", **values)
    kind = "louder" if change_db > 0 else "quieter"
    kind = kind if abs(change_db) >= _LEAST_CHANGE_DB else "different"
    return words.text("change", kind, db=words.number(abs(change_db)), **values)


def _worst_band(evidence: Mapping[str, Any]) -> dict[str, float] | None:
    """Return edges, deviation and change of level of the band that deviates most; None if they are not known."""
    suspects = evidence.get("suspects")
    if not isinstance(suspects, list) or not suspects or not isinstance(suspects[0], Mapping):
        return None
    worst = {key: float(value) for key, value in suspects[0].items() if isinstance(value, int | float)}
    return worst if {"low_hz", "high_hz", "deviation"} <= set(worst) else None


def rising_trend(case: Case, words: TextCatalogue) -> str:
    """Return the sentence on the trend of a machine that rises, or of which a remaining life is known; else nothing."""
    facts = case.evidence.get("trend")
    if case.kind != "machine" or not isinstance(facts, Mapping):
        return ""
    return trend_text(facts, words) if facts.get("since") or facts.get("remaining_life") else ""


def _check(case: Case, words: TextCatalogue) -> str:
    if not case.is_open:
        return words.text("checks", "closed")
    return sensor_check(case, words) if case.kind == "sensor" else words.text("checks", "machine")


def sensor_check(case: Case, words: TextCatalogue) -> str:
    """Return what to check on a microphone, by the fault that its case names."""
    fault = str(case.evidence.get("status"))
    known = words.has("sensor-checks", fault)
    return words.text("sensor-checks", fault) if known else words.text("checks", "sensor")


def _confidence(case: Case, words: TextCatalogue) -> str:
    if case.kind == "sensor":
        return words.text("confidence", "sensor")
    p_value = 1.0 if case.min_p_value is None else case.min_p_value
    tier = "high" if p_value < _HIGH_P else "medium" if p_value < _MEDIUM_P else "low"
    return words.text("confidence", tier)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
