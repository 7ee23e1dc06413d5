"""JSON log: one object per line, with stable event names, for journald, Loki and similar collectors."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from anomaly.monitor.events import WARNINGS
from anomaly.monitor.records import EventRecord, Record, SecondRecord
from anomaly.store.cases.case import iso_utc, json_value

_EVENTS = logging.getLogger("anomaly.events")
_FIELD = "anomaly_event"


class JsonFormatter(logging.Formatter):
    """Formatter of one log record as one line: time, level, event, message, and the fields of the event."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one record as a line of JSON."""
        event_fields: dict[str, Any] = getattr(record, _FIELD, None) or {
            "event": "log",
            "logger": record.name,
        }
        fields = {
            "time": iso_utc(record.created),
            "level": record.levelname.lower(),
            **event_fields,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(json_value(fields), ensure_ascii=False)


@contextmanager
def json_log(stream: TextIO | None = None) -> Iterator[None]:
    """Write the log to ``stream`` (stderr) as JSON during the block."""
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    before, root.handlers = root.handlers, [handler]
    level = _EVENTS.level
    _EVENTS.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.handlers = before
        _EVENTS.setLevel(level)


def log_record(record: Record) -> None:
    """Log an event, or one second a minute."""
    if isinstance(record, EventRecord):
        level = logging.WARNING if record.event in WARNINGS else logging.INFO
        # A detail must not replace machine, event or time.
        event = {
            **record.detail,
            "event": record.event,
            "machine": record.machine,
            "at": iso_utc(record.time_s),
        }
        _EVENTS.log(level, "%s", record.message, extra={_FIELD: event})
    elif record.second % 60 == 0:
        _EVENTS.info("%s", _line(record), extra={_FIELD: {"event": "score", **record.to_dict()}})


def _line(record: SecondRecord) -> str:
    score = "no score" if record.score is None else f"score {record.score:.2f}"
    return f"{record.state or 'not judged'}, {score}, sensor {record.sensor}"
