"""Sentence on the trend of a machine, from the facts that a case or a report holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anomaly.alerts.wording.catalogue import TextCatalogue, catalogue
from anomaly.languages import Language
from anomaly.store.cases.case import unix_s

# Fewer past intervals than this are no record.
_LEAST_RECORD = 3
# Up to this many seconds of the upper end a unit is used, and its seconds.
_UNITS = ((180.0, 1.0, "s"), (10_800.0, 60.0, "min"), (259_200.0, 3_600.0, "h"))
_DAY_S = 86_400.0
_PLAIN_STATES = ("steady", "falling", "reached", "too-little")


def trend_sentence(facts: Mapping[str, Any], language: Language = "en") -> str:
    """Return the trend in one sentence, and the remaining life in another; empty if the facts hold neither.

    Args:
        facts: ``state``, ``since``, ``lower_s``, ``upper_s``, ``held``, ``of`` and ``remaining_life``, as
            `anomaly.prognosis` gives them.
        language: of the words.
    """
    return trend_text(facts, catalogue(language))


def trend_text(facts: Mapping[str, Any], words: TextCatalogue) -> str:
    """Return the sentence of `trend_sentence` in the words of a catalogue."""
    parts = (_trend(facts, words), _remaining_life(facts.get("remaining_life"), words))
    return " ".join(filter(None, parts))


def _trend(facts: Mapping[str, Any], words: TextCatalogue) -> str:
    state = str(facts.get("state"))
    since, ends = facts.get("since"), (facts.get("lower_s"), facts.get("upper_s"))
    if state == "rising" and isinstance(since, str):
        begin = words.time(unix_s(since))
        low, high = ends
        if not isinstance(low, int | float) or not isinstance(high, int | float):
            return words.text("trend", "rising", since=begin)
        span, record = time_span(float(low), float(high), words), _record(facts, words)
        return words.text("trend", "interval", since=begin, span=span, record=record)
    return words.text("trend", state) if state in _PLAIN_STATES else ""


def _remaining_life(facts: object, words: TextCatalogue) -> str:
    if not isinstance(facts, Mapping):
        return ""
    low, high, held, of = (facts.get(name) for name in ("lower_s", "upper_s", "held", "of"))
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return ""
    span = time_span(float(low), float(high), words)
    return words.text("trend", "remaining-life", span=span, held=str(held), of=str(of))


def time_span(low_s: float, high_s: float, words: TextCatalogue) -> str:
    """Return an interval of time in one unit."""
    unit_s, unit = next(((unit_s, name) for most, unit_s, name in _UNITS if high_s < most), (_DAY_S, "days"))
    low, high = words.number(low_s / unit_s), words.number(high_s / unit_s)
    return words.text("trend", "span", low=low, high=high, unit=words.text("units", unit))


def _record(facts: Mapping[str, Any], words: TextCatalogue) -> str:
    held, of = facts.get("held"), facts.get("of")
    if isinstance(held, int) and isinstance(of, int) and of >= _LEAST_RECORD:
        return words.text("trend", "record", held=str(held), of=str(of))
    return words.text("trend", "no-record")
