"""The card of a case: what it is, since when, how bad, where in the spectrum, what to check, and its history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from anomaly.alerts.wording.case_text import change_sentence, rising_trend, sensor_check
from anomaly.alerts.wording.catalogue import catalogue
from anomaly.fault_families import FINDINGS
from anomaly.readable import duration, local_time, rarity, significant
from anomaly.store.cases.answer_receipt import ANSWER_ACCEPTED
from anomaly.store.cases.case import CRITICALITIES, EXPLANATION, SEVERITIES, SHORT_ID, Case, CaseState, unix_s
from anomaly.store.database.rows import EventRow

_STATES = {
    CaseState.ACTIVE_UNACKNOWLEDGED: "open, nobody has acknowledged it",
    CaseState.ACTIVE_ACKNOWLEDGED: "open, acknowledged",
    CaseState.RETURNED_UNACKNOWLEDGED: "the sound is normal again, nobody has acknowledged it",
    CaseState.CLOSED: "closed",
}
_EVENTS = {
    "case.opened": "opened",
    "case.escalated": "escalated",
    "case.acknowledged": "acknowledged",
    "case.shelved": "shelved",
    "case.unshelved": "unshelved",
    "case.assigned": "assigned",
    "case.commented": "comment",
    "case.work-reported": "work done",
    "case.returned": "the sound became normal",
    "case.updated": "updated",
    "case.closed": "closed",
    "case.feedback": "feedback",
    "clip.saved": "clip of the sound saved",
    "clip.failed": "no clip could be saved",
    "message.abandoned": "a message was given up",
    "message.dead-lettered": "a sink refused a message for good",
    "message.resent": "a message that failed was queued again",
    "message.dropped": "a message was given up",
    "machine.rebaselined": "the machine sounds different from now on",
}
# Changes that the name of an event leaves open; ``silenced`` is of earlier versions.
_CHANGES = {
    "again": "came back",
    "returned": "the sound became normal",
    "silenced": "messages held back",
    "expired": "unshelved, the time is over",
    "maintenance": "notified again, the maintenance is over",
}
_ASSET_FACTS = ("display_name", "location", "cmms_number")
_BAR_WIDTH, _BARS = 20, 4
# Deviations below this are within the scatter of normal sound.
_LEAST_DEVIATION = 1.0


def case_card(case: Case, events: Sequence[EventRow], now_s: float, options: str = "") -> Iterator[str]:
    """Yield the lines of the card.

    Args:
        case: as stored.
        events: of the case, oldest first.
        now_s: UNIX seconds.
        options: folders of the command line, which the commands in the card need too.
    """
    yield f"Case {case.id[:SHORT_ID]}: {case.machine}, {_STATES[case.state]}"
    yield ""
    if facts := [str(case.asset[name]) for name in _ASSET_FACTS if case.asset.get(name)]:
        yield _row("machine", ", ".join(facts))
    yield _row("what", case.summary)
    yield _row("since", _since(case, now_s))
    if case.peak_score is not None:
        yield _row("how bad", _severity(case))
    yield _row("urgency", f"{case.urgency} of {len(SEVERITIES) * len(CRITICALITIES)}")
    if case.assigned_to:
        yield _row("who", f"assigned to {case.assigned_to}")
    if case.silenced_until and case.is_open:
        yield _row("shelved", f"until {local_time(unix_s(case.silenced_until))}: messages are held back")
    if case.finding or case.action:
        yield _row("finding", ", ".join(filter(None, [_finding(case), case.action])))
    if case.kind == "machine" and "change_db" in str(case.evidence.get("suspects")):
        yield _row("change", change_sentence(case, catalogue("en")))
    if words := _explanation(case.evidence):
        yield _row("why", words)
    if trend := rising_trend(case, catalogue("en")):
        yield _row("trend", trend)
    bars = list(_bars(case.evidence))
    for name, bar in zip(["where", *[""] * len(bars)], bars, strict=False):
        yield _row(name, bar)
    for name, line in zip(["to do", *[""] * 4], _checks(case, options), strict=False):
        yield _row(name, line)
    # The receipt of an answer says nothing that its change does not say.
    shown = [event for event in events if event.event != ANSWER_ACCEPTED]
    for name, line in zip(["history", *[""] * len(shown)], map(_event, shown), strict=False):
        yield _row(name, line)


def _row(name: str, text: str) -> str:
    return f"{name:<9}{text}"


def _since(case: Case, now_s: float) -> str:
    begin_s = unix_s(case.opened_at)
    end = case.returned_at or case.closed_at
    if end is None:
        return f"{local_time(begin_s)}, for {duration(max(0.0, now_s - begin_s))}"
    return f"{local_time(begin_s)}, until {local_time(unix_s(end))}"


def _severity(case: Case) -> str:
    step = SEVERITIES[case.severity - 1]
    score = f"{step}, score {significant(case.peak_score or 0.0)} at its worst"
    return (
        score
        if case.min_p_value is None
        else f"{score}: normal sound is so far off {rarity(case.min_p_value)}"
    )


def _finding(case: Case) -> str:
    return "" if case.finding is None else f"{case.finding} ({FINDINGS.get(case.finding, 'unknown')})"


def _explanation(evidence: Mapping[str, Any]) -> str:
    found = evidence.get(EXPLANATION)
    return str(found.get("sentence", "")) if isinstance(found, Mapping) else ""


def _bars(evidence: Mapping[str, Any]) -> Iterator[str]:
    """Yield the most deviating bands of the spectrum as bars, from low to high."""
    groups, edges = evidence.get("groups"), evidence.get("edges_hz")
    if not isinstance(groups, list) or not isinstance(edges, list) or len(edges) != len(groups) + 1:
        return
    worst = sorted(range(len(groups)), key=lambda group: -groups[group])[:_BARS]
    most = max(groups[worst[0]], _LEAST_DEVIATION)
    for group in sorted(group for group in worst if groups[group] >= _LEAST_DEVIATION):
        band = f"{edges[group] / 1000:.1f} to {edges[group + 1] / 1000:.1f} kHz"
        bar = "#" * max(1, round(_BAR_WIDTH * groups[group] / most))
        yield f"{band:<16} {bar:<{_BAR_WIDTH}} {significant(groups[group])} deviations above normal"


def _checks(case: Case, options: str) -> Iterator[str]:
    short = case.id[:SHORT_ID]
    if not case.is_open:
        yield f"Nothing. If it was a false alarm: anomaly feedback {short} --normal{options}"
        return
    if case.kind == "sensor":
        yield sensor_check(case, catalogue("en"))
        yield "The machine is not judged until the microphone is well again."
    else:
        yield f"Listen to it: anomaly cases clip {short} --play{options}"
        yield "Look at the machine: has speed, load, tool or a part changed since then?"
        yield f"If it is how the machine is to sound: anomaly feedback {short} --normal{options}"
    if case.acknowledged_at is None:
        yield f"Say that you know: anomaly cases ack {short}{options}"


def _event(event: EventRow) -> str:
    detail = dict(event.detail)
    text = _CHANGES.get(str(detail.pop("change", "")), _EVENTS.get(event.event, event.event))
    text += _details(event)
    by, note = detail.pop("by", None), detail.pop("note", "")
    until = detail.pop("until", None)
    words = detail.pop("words", None)
    return "".join(
        [
            f"{local_time(unix_s(event.time))}  {text}",
            f" until {local_time(unix_s(until))}" if isinstance(until, str) else "",
            f" by {by}" if by else "",
            f" ({detail['system']}, {detail.get('way')})" if detail.get("system") else "",
            f": {note or words}" if note or words else "",
        ]
    )


def _details(event: EventRow) -> str:
    """Return the facts of an event beside time, person and note."""
    detail = event.detail
    steps = detail.get("from"), detail.get("to")
    if event.event == "case.escalated" and all(isinstance(step, int) for step in steps):
        return f" from {_step(steps[0])} to {_step(steps[1])}"
    if event.event == "case.assigned":
        return f" to {detail.get('to') or 'nobody'}"
    said = [str(detail[name]) for name in ("finding", "action", "order") if detail.get(name)]
    return f" ({', '.join(said)})" if event.event in ("case.closed", "case.work-reported") and said else ""


def _step(severity: Any) -> str:
    return SEVERITIES[severity - 1] if 1 <= severity <= len(SEVERITIES) else str(severity)
