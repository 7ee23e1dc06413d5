"""A message is one JSON object, the same for every sink, and comes back unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from anomaly.alerts import AlertMessage
from anomaly.errors import ConfigError

Make = Callable[..., AlertMessage]


def test_json_and_back(make_message: Make) -> None:
    message = make_message()
    assert AlertMessage.from_json(message.to_json()) == message


def test_fields_of_a_message(make_message: Make) -> None:
    found = json.loads(make_message("case.escalated", change="again", by="ann", note="look").to_json())
    assert set(found) == {
        *("version", "id", "event", "time", "machine", "state", "score", "p_value", "groups", "case"),
        *("change", "by", "note", "via", "answer_url", "group"),
    }
    assert (found["event"], found["machine"], found["state"]) == ("case.escalated", "pump", "ALARM")
    assert (found["change"], found["by"], found["note"]) == ("again", "ann", "look")
    assert found["case"]["kind"] == "machine"
    assert found["groups"] == [0.1, 4.5]


def test_a_test_has_no_case() -> None:
    message = AlertMessage("test", "pump", "2027-01-15T09:00:00.000Z")
    assert json.loads(message.to_json())["case"] is None
    assert AlertMessage.from_json(message.to_json()) == message


def test_one_line_without_nan(make_message: Make) -> None:
    text = make_message(score=float("nan"), groups=(float("inf"), 1.0)).to_json()
    assert "\n" not in text
    assert (json.loads(text)["score"], json.loads(text)["groups"]) == (None, [None, 1.0])


def test_each_message_has_its_own_key(make_message: Make) -> None:
    assert make_message().id != make_message().id


def test_a_machine_name_that_is_a_wildcard_is_refused() -> None:
    with pytest.raises(ConfigError, match="is no machine name"):
        AlertMessage("test", "#", "2027-01-15T09:00:00.000Z")


def test_a_message_of_an_earlier_version_is_still_read(make_message: Make) -> None:
    old = json.loads(make_message("case.updated").to_json())
    for name in ("change", "by", "note", "via", "answer_url", "group"):
        del old[name]
    for name in ("severity", "assigned_to", "finding", "action", "asset", "urgency"):
        del old["case"][name]
    read = AlertMessage.from_dict(old)
    assert (read.event, read.change, read.by) == ("case.updated", None, None)
    assert read.case is not None
    assert (read.case.severity, read.case.assigned_to) == (1, None)
