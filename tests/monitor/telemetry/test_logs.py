"""The JSON log: one object a line, names that stay, nothing that breaks a line."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

from anomaly.monitor.records import EventRecord, SecondRecord
from anomaly.monitor.telemetry.logs import json_log, log_record

NOW_S = 1_800_000_000.0


def written(*told: Any) -> list[dict[str, Any]]:
    stream = io.StringIO()
    with json_log(stream):
        for one in told:
            if callable(one):
                one()
            else:
                log_record(one)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def second(number: int) -> SecondRecord:
    return SecondRecord("pump", NOW_S, number, 0.5, 0.3, "OK", "ok", -30.0)


def test_an_event() -> None:
    (line,) = written(
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


def test_what_belongs_to_an_event_does_not_take_its_name() -> None:
    (line,) = written(EventRecord("state.changed", "pump", NOW_S, "x", {"event": "y", "machine": "z"}))
    assert (line["event"], line["machine"], line["level"]) == ("state.changed", "pump", "info")


def test_one_second_a_minute() -> None:
    lines = written(*[second(number) for number in range(61)])
    assert [line["second"] for line in lines] == [0, 60]
    assert lines[0]["event"] == "score"
    assert lines[0]["score"] == 0.5


def test_what_libraries_log() -> None:
    def complain() -> None:
        try:
            raise ValueError("bad")
        except ValueError:
            logging.getLogger("paho").exception("cannot")

    (line,) = written(complain)
    assert (line["event"], line["logger"], line["level"], line["message"]) == (
        "log",
        "paho",
        "error",
        "cannot",
    )
    assert "ValueError: bad" in line["traceback"]


def test_afterwards_all_is_as_before() -> None:
    root = logging.getLogger()
    before = list(root.handlers)
    written(second(0))
    assert root.handlers == before
