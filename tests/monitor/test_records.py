"""Records as JSON: the keys that ``--jsonl`` promises."""

from __future__ import annotations

import json

from anomaly.monitor.records import EventRecord, SecondRecord


def test_a_second_has_the_promised_keys() -> None:
    record = SecondRecord("pump", 1.5, 7, 2.25, 0.01, "WATCH", "ok", -31.234, (1.0,) * 16, cusum=7.5)
    assert json.loads(json.dumps(record.to_dict())) == {
        "time": "1970-01-01T00:00:01.500Z",
        "machine": "pump",
        "second": 7,
        "score": 2.25,
        "p_value": 0.01,
        "state": "WATCH",
        "sensor": "ok",
        "level_dbfs": -31.23,
        "capture": None,
        "operating_state": "unknown",
        "not_judged": None,
        "cusum": 7.5,
    }


def test_a_second_of_a_faulty_sensor_has_neither_score_nor_probability() -> None:
    shown = SecondRecord("pump", 0.0, 0, None, None, "OK", "silent", -200.0).to_dict()
    assert (shown["score"], shown["p_value"], shown["sensor"]) == (None, None, "silent")


def test_an_event_carries_its_details_beside_the_common_keys() -> None:
    shown = EventRecord("case.opened", "pump", 0.0, "it rattles", {"case": "ab", "kind": "machine"}).to_dict()
    assert shown == {
        "time": "1970-01-01T00:00:00.000Z",
        "machine": "pump",
        "event": "case.opened",
        "message": "it rattles",
        "case": "ab",
        "kind": "machine",
    }
