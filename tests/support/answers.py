"""Another system that answers to cases: signs answers, and sends them by HTTP."""

from __future__ import annotations

import http.client
import json
import uuid
from dataclasses import dataclass
from typing import Any

from anomaly.alerts import iso_utc
from anomaly.alerts.signature import KEY_HEADER, SIGNATURE_HEADER, signature

SECRET = b"a secret that is long enough"


def make_answer(case: str, time_s: float, answer: str = "acknowledge", /, **fields: Any) -> dict[str, Any]:
    """Return an answer with a key of its own; fields replace those that it has by default."""
    return {
        "version": 1,
        "id": uuid.uuid4().hex,
        "time": iso_utc(time_s),
        "case": case,
        "answer": answer,
        "by": "J. Doe",
        **fields,
    }


@dataclass(frozen=True)
class Response:
    """Response of the endpoint."""

    status: int
    content: dict[str, Any]
    headers: dict[str, str]


def post(
    port: int,
    answer: dict[str, Any] | bytes,
    *,
    secret: bytes | None = SECRET,
    headers: dict[str, str] | None = None,
    method: str = "POST",
    path: str = "/answers",
) -> Response:
    """Sign an answer and send it; without a secret no signature is sent."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    fields = {"Content-Type": "application/json"}
    if secret is not None:
        fields[SIGNATURE_HEADER] = signature(secret, body)
    if isinstance(answer, dict):
        fields[KEY_HEADER] = str(answer.get("id"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, fields | (headers or {}))
        response = connection.getresponse()
        return Response(response.status, json.loads(response.read() or b"{}"), dict(response.headers.items()))
    finally:
        connection.close()
