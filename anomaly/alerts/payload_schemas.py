"""JSON Schemas of all payloads that leave through sinks, and of the answers that arrive, each with a version.

A version only grows: keys and events may be added, none is removed or gets another meaning. Whatever breaks that is
another version, and the schema of the earlier one stays in ``docs/payloads``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from anomaly.alerts.answers.answer import VERSION as ANSWER_VERSION
from anomaly.alerts.answers.answer import answer_schema
from anomaly.store.cases.case import Case, CaseState
from anomaly.store.outbox.message import VERSION, AlertMessage

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
# The pattern says what the format says, for readers that check no formats.
_TIME = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
}
_ARGUMENT = re.compile(r"^    (\w+): (.*(?:\n        .*)*)", re.MULTILINE)


def alert_message() -> dict[str, Any]:
    """Return the schema of a message, as MQTT sends it and web hooks in binary mode."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(AlertMessage).json_schema(mode="serialization")
    _complete(schema, AlertMessage)
    case = schema["$defs"]["Case"]
    case["properties"]["urgency"] = {
        "type": "integer",
        "description": "severity times criticality of the machine, 1 to 12",
    }
    _complete(case, Case)
    schema["properties"]["groups"]["items"] = {
        "type": ["number", "null"]
    }  # one that is not finite becomes null
    schema["properties"] = {"version": {"const": VERSION}} | schema["properties"]
    schema["required"] = list(schema["properties"])
    return _headed("alert-message", VERSION, schema)


def cloud_event() -> dict[str, Any]:
    """Return the schema of a CloudEvent, as web hooks send it in structured mode."""
    message = alert_message()
    definitions = message.pop("$defs")
    for key in ("$schema", "$id"):
        del message[key]
    attributes: dict[str, Any] = {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "description": "that of the message: the idempotency key"},
        "source": {"type": "string", "pattern": "^/anomaly/machines/.+$"},
        "type": {"type": "string", "pattern": r"^anomaly\..+$"},
        "time": _TIME,
        "subject": {"type": "string", "description": "identifier of the case; not with a test"},
        "datacontenttype": {"const": "application/json"},
        "data": {"$ref": "#/$defs/AlertMessage"},
    }
    schema = {
        "description": "CloudEvents 1.0 with a message.",
        "type": "object",
        "properties": attributes,
        "required": [name for name in attributes if name != "subject"],
        "$defs": {"AlertMessage": message} | definitions,
    }
    return _headed("cloud-event", VERSION, schema)


def machine_state() -> dict[str, Any]:
    """Return the schema of the retained state of a machine at an MQTT broker."""
    number = {"type": ["number", "null"]}
    properties: dict[str, Any] = {
        "time": _TIME,
        "state": {"type": "string", "description": "OK, WATCH, ALARM, or unknown while it is not judged"},
        "score": number | {"description": "of the newest second; null while it is not judged"},
        "p_value": number | {"description": "its tail probability on held-out normal sound"},
        "sensor": {
            "type": ["string", "null"],
            "description": "ok, a fault of the microphone, or null without sound",
        },
    }
    schema = {
        "description": "State and score of a machine's newest second.",
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }
    return _headed("machine-state", 1, schema)


def answer() -> dict[str, Any]:
    """Return the schema of an answer to a case, as a CMMS or SCADA sends it."""
    schema = answer_schema()
    schema["description"] = "Answer to a case: what another system asks to change."
    for kind in schema["$defs"].values():
        kind.pop("title")
        for property_ in kind["properties"].values():
            property_.pop("title", None)
    return _headed("answer", ANSWER_VERSION, schema)


def signed_answer() -> dict[str, Any]:
    """Return the schema of an answer with its signature, as it is published at an MQTT broker."""
    properties: dict[str, Any] = {
        "signature": {
            "type": "string",
            "pattern": "^sha256=[0-9a-f]{64}$",
            "description": "HMAC-SHA256 of the body in UTF-8 with the secret of the system",
        },
        "body": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": f"urn:anomaly:answer:{ANSWER_VERSION}"},
            "description": "the answer as JSON, to the byte as it was signed",
        },
    }
    schema = {
        "description": "Answer with its signature.",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return _headed("signed-answer", ANSWER_VERSION, schema)


def answer_result() -> dict[str, Any]:
    """Return the schema of the result of an answer."""
    text = {"type": "string"}
    properties: dict[str, Any] = {
        "version": {"const": ANSWER_VERSION},
        "id": {"type": ["string", "null"], "description": "that of the answer; null if it cannot be read"},
        "status": {"type": "integer", "description": "200 if it was accepted, else why not, as in HTTP"},
        "error": text | {"description": "why it is refused"},
        "case": text | {"description": "identifier of the case"},
        "machine": text | {"description": "whose case it is"},
        "state": {
            "enum": [state.value for state in CaseState],
            "description": "of the case after the answer",
        },
        "changed": {"type": "boolean", "description": "false if the case was so before"},
    }
    schema = {
        "description": "Result of an answer; that of a repetition is the first one's.",
        "type": "object",
        "properties": properties,
        "required": ["version", "id", "status"],
    }
    return _headed("answer-result", ANSWER_VERSION, schema)


PAYLOAD_SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = MappingProxyType(
    {
        "alert-message": alert_message,
        "cloud-event": cloud_event,
        "machine-state": machine_state,
        "answer": answer,
        "signed-answer": signed_answer,
        "answer-result": answer_result,
    }
)
"""Schemas by name."""


def file_name(name: str) -> str:
    """Return the name of the file in ``docs/payloads`` that holds a schema, with its version."""
    version = PAYLOAD_SCHEMAS[name]()["$id"].rpartition(":")[2]
    return f"{name}-{version}.schema.json"


def _headed(name: str, version: int, schema: dict[str, Any]) -> dict[str, Any]:
    head = {"$schema": _DIALECT, "$id": f"urn:anomaly:{name}:{version}", "title": name}
    return head | {key: value for key, value in schema.items() if key not in head}


def _complete(schema: dict[str, Any], of: type) -> None:
    """Make all keys required, as every payload has them, and describe them in the words of the class."""
    text = inspect.getdoc(of) or ""
    schema["description"] = text.partition("\n")[0]
    described = {name: " ".join(words.split()) for name, words in _ARGUMENT.findall(text)}
    for name, property_ in schema["properties"].items():
        for needless in ("title", "default"):
            property_.pop(needless, None)
        if name in described and "$ref" not in property_:
            property_["description"] = described[name].replace("``", "")
        if name == "time" or name.endswith(("_at", "_until")):
            property_ |= _optional_time(property_)
    schema["required"] = list(schema["properties"])


def _optional_time(property_: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in property_:
        return {"anyOf": [_TIME, {"type": "null"}]}
    return dict(_TIME)
