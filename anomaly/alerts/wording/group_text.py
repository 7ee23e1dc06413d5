"""Sentences of one message about many cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from anomaly.alerts.wording.catalogue import TextCatalogue
from anomaly.readable import one_line
from anomaly.store.cases.case import SHORT_ID, Case, unix_s
from anomaly.store.outbox.message import AlertMessage

# Cases that are named one by one; the rest is a number.
_NAMED = 20


def group_headline(message: AlertMessage, words: TextCatalogue) -> str:
    """Return one sentence on all cases of a group."""
    names = [f"{message.event}.{kind}" for kind in _kinds(message.group)]
    event = next(name for name in (*names, message.event, "case.updated") if words.has("group", name))
    return words.text(
        "group", event, number=str(len(message.group)), machine=_machine(message.group[0], words)
    )


def _kinds(group: Sequence[Case]) -> Iterator[str]:
    """Yield what the cases of a group have in common."""
    if {case.kind for case in group} == {"sensor"}:
        yield "sensor"
    if len({case.machine for case in group}) == 1:
        yield "one"


def group_rows(message: AlertMessage, words: TextCatalogue) -> Iterator[tuple[str, str]]:
    """Yield names and sentences on a group: since when, and its cases with the most urgent first."""
    since = min(unix_s(case.opened_at) for case in message.group)
    yield words.text("rows", "since"), words.time(since)
    named = "; ".join(_case(case, words) for case in message.group[:_NAMED])
    more = len(message.group) - _NAMED
    yield (
        words.text("rows", "cases"),
        named + (f"; {words.text('group', 'more', number=str(more))}" if more > 0 else ""),
    )
    check = "group-sensor" if "sensor" in _kinds(message.group) else "group"
    yield words.text("rows", "check"), words.text("checks", check)


def _machine(case: Case, words: TextCatalogue) -> str:
    name = one_line(str(case.asset.get("display_name") or case.machine))
    place = case.asset.get("location")
    return words.text("machine-at", name=name, place=one_line(str(place))) if place else name


def _case(case: Case, words: TextCatalogue) -> str:
    machine = _machine(case, words)
    kind = words.text("severities", str(case.severity) if case.kind == "machine" else case.kind)
    return words.text("group", "case", machine=machine, severity=kind, case=case.id[:SHORT_ID])
