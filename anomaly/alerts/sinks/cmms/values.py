"""Values of a message for templates: what ``${name}`` stands for."""

from __future__ import annotations

from anomaly.alerts.sinks.cmms.presets import Preset
from anomaly.alerts.wording import CaseText
from anomaly.readable import one_line
from anomaly.store.cases.case import SEVERITIES, Case
from anomaly.store.outbox.message import AlertMessage

# Digits of a case's identifier in the title of its work order: two cases of a site do not share them by accident.
_MARK_DIGITS = 12
# Titles of some systems have a limit of 100 characters; the mark takes 24 of them.
_LONGEST_TITLE = 72


def case_mark(case: Case) -> str:
    """Return the text by which a work order is found where the system has no field for the number of another one."""
    return f"anomaly-{case.id[:_MARK_DIGITS]}"


def message_values(message: AlertMessage, text: CaseText, requests: Preset) -> dict[str, str]:
    """Return the values of a message about a case.

    Args:
        message: with its case.
        text: its words.
        requests: of the system, for its values and priorities.
    """
    case = message.case
    assert case is not None
    severity = SEVERITIES[case.severity - 1]
    asset = {name: str(value) for name, value in case.asset.items()}
    return (
        requests.values
        | {
            "case": case.id,
            "mark": case_mark(case),
            "message": message.id,
            "event": message.event,
            "machine": message.machine,
            "name": one_line(asset.get("display_name", message.machine)),
            "place": one_line(asset.get("location", "")),
            "asset": one_line(asset.get("cmms_number", "")),
            "criticality": asset.get("criticality", ""),
            "kind": case.kind,
            "severity": severity,
            "priority": requests.priorities.get(severity, ""),  # type: ignore[call-overload]
            "urgency": str(case.urgency),
            "title": text.thread[:_LONGEST_TITLE],
            "headline": text.headline,
            "text": text.plain,
            "opened_at": case.opened_at,
            "time": message.time,
            "answers": message.answer_url or "",
        }
    )
