"""Alerts of Alertmanager: the labels that identify a case, its times, and its words.

Source: Alertmanager API v2, ``postAlerts``; an alert is resolved when its ``endsAt`` has passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anomaly.alerts.wording import CaseText
from anomaly.store.cases.case import Case, CaseState, iso_utc, unix_s
from anomaly.store.outbox.message import AlertMessage

_NAMES = {"machine": "AnomalousSound", "sensor": "MicrophoneFault"}
_ACTIVE = (CaseState.ACTIVE_UNACKNOWLEDGED, CaseState.ACTIVE_ACKNOWLEDGED)
WARNING, CRITICAL = "warning", "critical"
# From this step of a case's severity on its alert is critical.
_CRITICAL_FROM = 2


def case_alerts(
    case: Case, text: CaseText, now_s: float, *, expires_s: float, labels: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the alerts that bring Alertmanager to the state of a case.

    Labels identify an alert, so that one whose severity has changed is another alert: the earlier one is resolved.

    Args:
        case: as it stands.
        text: its words.
        now_s: UNIX seconds.
        expires_s: time after which Alertmanager resolves it by itself.
        labels: of the site, beside those of the case.
    """
    severity = _severity(case)
    firing = _is_firing(case, now_s)
    begin_s = min(unix_s(case.opened_at), now_s - 1.0)
    alerts = []
    for one in (WARNING, CRITICAL):
        if one != severity and not (firing and severity == CRITICAL):
            continue
        end_s = now_s + expires_s if firing and one == severity else now_s
        alerts.append(
            {
                "labels": {
                    **labels,
                    "alertname": _NAMES[case.kind],
                    "machine": case.machine,
                    "case": case.id,
                    "severity": one,
                },
                "annotations": {"summary": text.headline, "description": text.plain},
                "startsAt": iso_utc(begin_s),
                "endsAt": iso_utc(max(end_s, begin_s + 0.001)),
            }
        )
    return alerts


def message_alerts(
    message: AlertMessage, text: CaseText, now_s: float, *, expires_s: float, labels: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the alerts of a message; a test is an alert that ends by itself. Arguments as for ``case_alerts``."""
    if message.case is not None:
        alerts = case_alerts(message.case, text, now_s, expires_s=expires_s, labels=labels)
    else:
        alerts = [
            {
                "labels": {
                    **labels,
                    "alertname": "AnomalyTest",
                    "machine": message.machine,
                    "severity": "none",
                },
                "annotations": {"summary": text.headline},
                "startsAt": iso_utc(now_s - 1.0),
                "endsAt": iso_utc(now_s + expires_s),
            }
        ]
    for alert in alerts:
        alert["annotations"] |= {"event": message.event, "message_id": message.id}
    return alerts


def _severity(case: Case) -> str:
    return CRITICAL if case.kind == "machine" and case.severity >= _CRITICAL_FROM else WARNING


def _is_firing(case: Case, now_s: float) -> bool:
    """Return whether somebody is to be told: the alarm lasts, and its case is not shelved."""
    return case.state in _ACTIVE and not case.is_shelved(iso_utc(now_s))
