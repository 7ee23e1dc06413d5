"""Alerts by HTTP POST, as CloudEvents 1.0, signed with HMAC-SHA256.

Formats: CloudEvents HTTP protocol binding 1.0.2, structured mode (``application/cloudevents+json``) or
binary mode (``ce-`` headers). The signature covers the body as sent: ``X-Anomaly-Signature:
sha256=<hex>``; the body holds message id and time, so that a receiver can refuse repetitions.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from anomaly.alerts.signature import KEY_HEADER, SIGNATURE_HEADER, signature
from anomaly.alerts.sinks.http_session import HttpSession, checked_url
from anomaly.http_environment import tls_context
from anomaly.store.outbox.message import AlertMessage

Mode = Literal["structured", "binary"]


class WebhookSink:
    """Sink that posts each message to one address; 2xx confirms it.

    Args:
        name: the sink's name.
        url: http or https, without user and password.
        mode: CloudEvents structured (all in the body) or binary (attributes in headers).
        secret: key of the signature; without it nothing is signed.
        timeout_s: for connecting and for each read and write.
        ca_file: certificates to trust instead of the usual ones.
        allow_private: the receiver may have a private address.

    Raises:
        ConfigError: the address or the certificate file cannot be used.
    """

    keyed = True

    def __init__(
        self,
        name: str,
        url: str,
        *,
        mode: Mode = "structured",
        secret: bytes | None = None,
        timeout_s: float = 10.0,
        ca_file: Path | None = None,
        allow_private: bool = False,
    ) -> None:
        self.name = name
        self._mode = mode
        self._secret = secret
        parsed = checked_url(url, f"webhook {name}", "sign with secret_env or secret_file instead")
        self.last_answer = ""
        self._session = HttpSession(
            parsed,
            # Paths and queries of web hooks are often secrets themselves; the host identifies the sink.
            where=f"webhook {name} at {parsed.host}",
            trust=None if ca_file is None else tls_context(f"webhook {name}: {ca_file}", cafile=str(ca_file)),
            timeout_s=timeout_s,
            allow_private=allow_private,
        )

    def deliver(self, message: AlertMessage) -> None:
        """Post the message; follow a redirect only to the same host, by 307 or 308.

        Raises:
            SinkError: no answer, or one that is not 2xx; permanent for the client errors (4xx) that a repetition
                cannot get past.
        """
        headers, body = cloud_event(message, self._mode)
        headers[KEY_HEADER] = message.id
        if self._secret is not None:
            headers[SIGNATURE_HEADER] = signature(self._secret, body)
        session = self._session
        self.last_answer = session.send("POST", session.url, headers=headers, body=body).status

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def cloud_event(message: AlertMessage, mode: Mode) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a message as a CloudEvent."""
    attributes = {
        "specversion": "1.0",
        "id": message.id,
        "source": f"/anomaly/machines/{message.machine}",
        "type": f"anomaly.{message.event}",
        "time": message.time,
    }
    if message.case is not None:
        attributes["subject"] = message.case.id
    if mode == "binary":
        headers = {f"ce-{key}": value for key, value in attributes.items()}
        return headers | {"Content-Type": "application/json"}, message.to_json().encode()
    event = attributes | {"datacontenttype": "application/json", "data": message.to_dict()}
    body = json.dumps(event, allow_nan=False, separators=(",", ":")).encode()
    return {"Content-Type": "application/cloudevents+json; charset=utf-8"}, body
