"""JSON log: one object per line, stable names."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

from anomaly.monitor.records import EventRecord, SecondRecord
from anomaly.monitor.telemetry.logs import json_log, log_record

NOW_S = 1_800_000_000.0


def logged(*items: Any) -> list[dict[str, Any]]:
    stream = io.StringIO()
    with json_log(stream):
        for item in items:
            if callable(item):
                item()
            else:
                log_record(item)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def second(number: int) -> SecondRecord:
    return SecondRecord("pump", NOW_S, number, 0.5, 0.3, "OK", "ok", -30.0)


def test_an_event() -> None:
    (line,) = logged(
        EventRecord("case.opened", "pump", NOW_S, "two\nlines", {"case": "ab", "kind": "machine"})
    )
    assert line["event"] == "case.opened"
    assert (line["machine"], line["case"], line["kind"]) == ("pump", "ab", "machine")
    assert (line["level"], line["message"], line["at"]) == (
        "warning",
        "two\nlines",
        "2027-01-15T08:00:00.000Z",
    )
    assert line["time"].endswith("Z")


def test_details_do_not_replace_event_and_machine() -> None:
    (line,) = logged(EventRecord("state.changed", "pump", NOW_S, "x", {"event": "y", "machine": "z"}))
    assert (line["event"], line["machine"], line["level"]) == ("state.changed", "pump", "info")


def test_one_second_a_minute() -> None:
    lines = logged(*[second(number) for number in range(61)])
    assert [line["second"] for line in lines] == [0, 60]
    assert lines[0]["event"] == "score"
    assert lines[0]["score"] == 0.5


def test_messages_of_libraries() -> None:
    def log_exception() -> None:
        try:
            raise ValueError("bad")
        except ValueError:
            logging.getLogger("paho").exception("cannot")

    (line,) = logged(log_exception)
    assert (line["event"], line["logger"], line["level"], line["message"]) == (
        "log",
        "paho",
        "error",
        "cannot",
    )
    assert "ValueError: bad" in line["traceback"]


def test_handlers_are_restored() -> None:
    root = logging.getLogger()
    before = list(root.handlers)
    logged(second(0))
    assert root.handlers == before
