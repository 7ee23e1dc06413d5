"""Alerts by HTTP POST, as CloudEvents 1.0, signed with HMAC-SHA256.

Formats: CloudEvents HTTP protocol binding 1.0.2, structured mode (``application/cloudevents+json``) or
binary mode (``ce-`` headers). The signature covers the body as sent: ``X-Anomaly-Signature:
sha256=<hex>``; the body holds message id and time, so that a receiver can refuse repetitions.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import os
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

import httpx

from anomaly import __version__
from anomaly.alerts.sinks.sink import SinkError
from anomaly.errors import ConfigError
from anomaly.http_environment import open_client, tls_context
from anomaly.readable import one_line
from anomaly.store.message import AlertMessage

SIGNATURE_HEADER = "X-Anomaly-Signature"
KEY_HEADER = "Idempotency-Key"
Mode = Literal["structured", "binary"]
_REDIRECTS = 3
# Length of the part of an answer that is quoted in an error.
_EXCERPT = 200
# Client errors that a repetition may get past: request timeout (RFC 9110, 15.5.9), conflict with a request of the same
# idempotency key that is still in progress (15.5.10), too early (RFC 8470, 5.2), too many requests (RFC 6585, 4).
_RETRYABLE = (408, 409, 425, 429)


class WebhookSink:
    """Sink that posts each message to one address; 2xx confirms it.

    Args:
        name: the sink's name.
        url: http or https, without user and password.
        mode: CloudEvents structured (all in the body) or binary (attributes in headers).
        secret: key of the signature; without it nothing is signed.
        timeout_s: for connecting and for each read and write.
        ca_file: certificates to trust instead of the usual ones.

    Raises:
        ConfigError: the address or the certificate file cannot be used.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        mode: Mode = "structured",
        secret: bytes | None = None,
        timeout_s: float = 10.0,
        ca_file: Path | None = None,
    ) -> None:
        self.name = name
        self._mode = mode
        self._secret = secret
        self._url = _checked_url(url, name)
        self._trust = (
            None if ca_file is None else tls_context(f"webhook {name}: {ca_file}", cafile=str(ca_file))
        )
        self._timeout_s = timeout_s
        self._client: httpx.Client | None = None
        self._closed = False
        self.last_answer = ""

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
        url = self._url
        for _ in range(_REDIRECTS):
            moved = self._post(url, headers, body)
            if moved is None:
                return
            url = moved
        raise SinkError("redirects in a circle", where=self._where)

    def close(self) -> None:
        """Close the connections."""
        self._closed = True
        client, self._client = self._client, None
        if client is not None:
            client.close()

    @property
    def _where(self) -> str:
        # Paths and queries of web hooks are often secrets themselves; the host identifies the sink.
        return f"webhook {self.name} at {self._url.host}"

    def _open(self) -> httpx.Client:
        """Return the client; a variable of the environment that cannot be used is an error of this delivery alone."""
        if self._closed:
            raise SinkError("cannot be reached: the sink is closed", where=self._where)
        if self._client is None:
            headers = {"User-Agent": f"anomaly/{__version__}", "Accept-Encoding": "identity"}
            try:
                self._client = open_client(
                    self._url,
                    os.environ,
                    verify=self._trust,
                    timeout=self._timeout_s,
                    follow_redirects=False,
                    headers=headers,
                )
            except ConfigError as error:
                raise SinkError(f"cannot be reached: {error}", where=self._where, hint=error.hint) from error
        return self._client

    def _post(self, url: httpx.URL, headers: dict[str, str], body: bytes) -> httpx.URL | None:
        client = self._open()
        try:
            with client.stream("POST", url, headers=headers, content=body) as answer:
                if answer.is_success:
                    # The body is not read: one that never ends must not cost a message that is confirmed.
                    self.last_answer = f"{answer.status_code} {answer.reason_phrase}"
                    return None
                if answer.status_code in (307, 308):
                    return self._same_host(url, answer.headers.get("location", ""))
                raise self._refused(answer)
        except httpx.TimeoutException as error:
            raise SinkError("no answer in time", where=self._where) from error
        except (httpx.HTTPError, httpx.InvalidURL, RuntimeError) as error:
            raise SinkError(f"cannot be reached: {error}", where=self._where) from error

    def _same_host(self, url: httpx.URL, location: str) -> httpx.URL:
        target = url.join(location)
        if (target.scheme, target.host, target.port) != (url.scheme, url.host, url.port):
            raise SinkError(
                f"redirects to another place ({target.scheme}://{target.host})",
                where=self._where,
                hint="put the final address into site.yaml if you trust it",
            )
        return target

    def _refused(self, answer: httpx.Response) -> SinkError:
        # Only the first part: an answer without end must not block the delivery.
        excerpt = one_line(next(answer.iter_raw(), b"")[:_EXCERPT].decode("utf-8", "replace"))
        return SinkError(
            f"answered {answer.status_code} {answer.reason_phrase}{f': {excerpt}' if excerpt else ''}",
            where=self._where,
            permanent=400 <= answer.status_code < 500 and answer.status_code not in _RETRYABLE,
            retry_after_s=retry_after_s(answer.headers.get("retry-after"), time.time()),
        )


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


def signature(secret: bytes, body: bytes) -> str:
    """Return the value of the signature header for a body."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def retry_after_s(value: str | None, now_s: float) -> float | None:
    """Return the wait of a ``Retry-After`` header in seconds (RFC 9110, 10.2.3: seconds or a date)."""
    if value is None:
        return None
    try:
        if value.strip().isdigit():
            return float(value)
        date = parsedate_to_datetime(value)
        at = date if date.tzinfo else date.replace(tzinfo=UTC)
        wait_s = at.timestamp() - now_s
    except (ValueError, OverflowError):
        return None
    return wait_s if math.isfinite(wait_s) and wait_s > 0 else None


def _checked_url(url: str, name: str) -> httpx.URL:
    where = f"webhook {name}"
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"the address cannot be used: {error}", where=where) from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigError("the address must begin with http:// or https://", where=where)
    if parsed.userinfo:
        raise ConfigError(
            "the address holds a user or password",
            where=where,
            hint="sign with secret_env or secret_file instead",
        )
    return parsed
