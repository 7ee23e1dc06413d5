"""A message as a line of syslog, RFC 5424: priority, header, structured data, and words.

``<132>1 2027-01-15T08:00:00.000Z node-1 anomaly - case.opened [anomaly@32473 id="…" machine="pump" …] pump does not …``
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from anomaly.alerts.wording import CaseText
from anomaly.store.outbox.message import AlertMessage

FACILITIES = {
    "user": 1,
    "daemon": 3,
    **{f"local{number}": 16 + number for number in range(8)},
}
"""Numbers of the facilities (RFC 5424, table 1)."""
# Severities of RFC 5424, table 2: critical, error, warning, notice, informational.
_CRITICAL, _ERROR, _WARNING, _NOTICE, _INFORMATIONAL = 2, 3, 4, 5, 6
_BY_STEP = {1: _WARNING, 2: _ERROR, 3: _CRITICAL}
_ALARMS = ("case.opened", "case.escalated", "case.unshelved")
# Names of structured data end with an enterprise number; this one is for those who have none (RFC 5612).
_DATA_ID = "anomaly@32473"
_BYTE_ORDER_MARK = "\ufeff"
_NOT_PRINTABLE_ASCII = re.compile(r"[^!-~]")


def syslog_line(
    message: AlertMessage, text: CaseText, *, facility: str, hostname: str, app_name: str
) -> bytes:
    """Return a message as one line without its end.

    Args:
        message: to send.
        text: its words.
        facility: one of ``FACILITIES``.
        hostname: name of this computer.
        app_name: name of the program.
    """
    priority = 8 * FACILITIES[facility] + severity(message)
    header = [
        f"<{priority}>1",
        message.time,
        _ascii(hostname, 255),
        _ascii(app_name, 48),
        "-",
        _ascii(message.event, 32),
        f"[{_DATA_ID} {' '.join(_parameters(message))}]",
    ]
    words = "; ".join([text.headline, *(f"{name}: {row}" for name, row in text.rows)])
    return f"{' '.join(header)} {_BYTE_ORDER_MARK}{words}".encode()


def severity(message: AlertMessage) -> int:
    """Return the severity of a message in the terms of syslog: of alarms by the step of their case, else a notice."""
    case = message.case
    if case is None:
        return _INFORMATIONAL
    if message.event not in _ALARMS:
        return _NOTICE
    return _WARNING if case.kind == "sensor" else _BY_STEP.get(case.severity, _WARNING)


def _parameters(message: AlertMessage) -> Iterator[str]:
    """Yield the parameters of the structured data (RFC 5424, 6.3.3)."""
    found: dict[str, object] = {"id": message.id, "event": message.event, "machine": message.machine}
    found |= {"state": message.state, "score": message.score, "pValue": message.p_value, "by": message.by}
    if (case := message.case) is not None:
        found |= {"case": case.id, "kind": case.kind, "caseState": case.state, "severity": case.severity}
        found["openedAt"] = case.opened_at
    for name, value in found.items():
        if value is not None:
            escaped = re.sub(r'(["\\\]])', r"\\\1", str(value).replace("\n", " ").replace("\r", " "))
            yield f'{name}="{escaped}"'


def _ascii(text: str, longest: int) -> str:
    return _NOT_PRINTABLE_ASCII.sub("_", text)[:longest] or "-"
