"""Metrics of a machine as a device of Sparkplug: its newest second, and its newest case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from anomaly.alerts.sinks.sparkplug.payload import DataType, Metric, Value
from anomaly.store.cases.case import Case, CaseState, unix_s
from anomaly.store.database.rows import LiveScore
from anomaly.store.outbox.message import AlertMessage

UNKNOWN_STATE = "UNKNOWN"
_ACTIVE = (CaseState.ACTIVE_UNACKNOWLEDGED, CaseState.ACTIVE_ACKNOWLEDGED)
_SCORE: Mapping[str, DataType] = {
    "State": DataType.STRING,
    "Score": DataType.DOUBLE,
    "P Value": DataType.DOUBLE,
    "Sensor State": DataType.STRING,
    "Operating State": DataType.STRING,
    "Last Sound": DataType.DATE_TIME,
}
_CASE: Mapping[str, DataType] = {
    "Case/Message": DataType.STRING,
    "Case/Event": DataType.STRING,
    "Case/ID": DataType.STRING,
    "Case/Kind": DataType.STRING,
    "Case/State": DataType.STRING,
    "Case/Active": DataType.BOOLEAN,
    "Case/Acknowledged": DataType.BOOLEAN,
    "Case/Severity": DataType.INT32,
    "Case/Urgency": DataType.INT32,
    "Case/Opened": DataType.DATE_TIME,
    "Case/Text": DataType.STRING,
    "Case/By": DataType.STRING,
    "Case/Note": DataType.STRING,
}
_FACTS = {
    "Display Name": "display_name",
    "Location": "location",
    "Asset Number": "cmms_number",
    "Criticality": "criticality",
}
DATATYPES: Mapping[str, DataType] = {
    **_SCORE,
    "Open Cases": DataType.INT32,
    **_CASE,
    **{f"Properties/{name}": DataType.STRING for name in _FACTS},
}
"""Type of each metric of a device, by its name."""


class Device:
    """Newest values of one machine.

    Args:
        name: of the machine.
        facts: of the site file.
        aliases: number of each metric, unique in the whole edge node.
    """

    def __init__(self, name: str, facts: Mapping[str, str], aliases: Mapping[str, int]) -> None:
        self.name = name
        self._aliases = aliases
        self.is_born = False
        self._values: dict[str, tuple[Value, int]] = dict.fromkeys(DATATYPES, (None, 0))
        self._values["State"] = (UNKNOWN_STATE, 0)
        self._values["Open Cases"] = (0, 0)
        for title, fact in _FACTS.items():
            self._values[f"Properties/{title}"] = (facts.get(fact), 0)

    def birth(self, now_ms: int) -> list[Metric]:
        """Return all metrics with names and aliases, as they stand."""
        return [
            Metric(DATATYPES[name], value, time_ms or now_ms, name, self._aliases[name])
            for name, (value, time_ms) in self._values.items()
        ]

    def data(self, names: Sequence[str]) -> list[Metric]:
        """Return some metrics by their aliases alone."""
        found = ((name, *self._values[name]) for name in names)
        return [
            Metric(DATATYPES[name], value, time_ms, None, self._aliases[name])
            for name, value, time_ms in found
        ]

    def take_score(self, row: LiveScore) -> list[str]:
        """Take a machine's newest second; return the names of the metrics that changed."""
        time_ms = int(row.time_s * 1000)
        return self._take(
            {
                "State": row.state if row.is_known else UNKNOWN_STATE,
                "Score": row.score,
                "P Value": row.p_value,
                "Sensor State": row.sensor,
                "Operating State": row.operating,
                "Last Sound": time_ms if row.second else self._values["Last Sound"][0],
            },
            time_ms,
        )

    def take_open_cases(self, cases: Sequence[Case], text: str, now_ms: int) -> list[str]:
        """Take the open cases, the newest first; return the names of the metrics that changed.

        What a message said of its case stays; after a restart, the newest open case takes its place.
        """
        changed = self._take({"Open Cases": len(cases)}, now_ms)
        if cases and self._values["Case/ID"][0] is None:
            changed += self._take(_case_values(cases[0], text), now_ms)
        return changed

    def take_message(self, message: AlertMessage, case: Case, text: str) -> list[str]:
        """Take a message about a case; return the names of its metrics, which are sent even if they are the same."""
        time_ms = int(unix_s(message.time) * 1000)
        said: dict[str, Value] = {
            "Case/Message": message.id,
            "Case/Event": message.event,
            "Case/By": message.by,
            "Case/Note": message.note,
        }
        self._take(said | _case_values(case, text), time_ms)
        for name in _CASE:
            self._values[name] = (self._values[name][0], time_ms)
        return list(_CASE)

    def _take(self, values: Mapping[str, Value], time_ms: int) -> list[str]:
        changed = [name for name, value in values.items() if self._values[name][0] != value]
        self._values |= {name: (value, time_ms) for name, value in values.items()}
        return changed


def _case_values(case: Case, text: str) -> dict[str, Value]:
    return {
        "Case/ID": case.id,
        "Case/Kind": case.kind,
        "Case/State": str(case.state),
        "Case/Active": case.state in _ACTIVE,
        "Case/Acknowledged": case.acknowledged_at is not None,
        "Case/Severity": case.severity,
        "Case/Urgency": case.urgency,
        "Case/Opened": int(unix_s(case.opened_at) * 1000),
        "Case/Text": text,
    }
