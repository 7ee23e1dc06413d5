"""Requests to one HTTP server that confirms what it has taken, with redirects, refusals and time limits."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from ssl import SSLContext

import httpx

from anomaly import __version__
from anomaly.alerts.sinks.private_address import HINT, checked_addresses, literal_fault
from anomaly.alerts.sinks.sink import SinkError, plain_reason
from anomaly.errors import ConfigError
from anomaly.http_environment import DEFAULT_PORTS, open_client, proxy_of
from anomaly.readable import one_line

_REDIRECTS = 3
# Length of the part of an answer that is quoted in an error.
_EXCERPT = 200
# Client errors that a repetition may get past: request timeout (RFC 9110, 15.5.9), conflict with a request of the same
# idempotency key that is still in progress (15.5.10), too early (RFC 8470, 5.2), too many requests (RFC 6585, 4).
_RETRYABLE = (408, 409, 425, 429)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Positive answer of a server.

    Args:
        status: code and reason.
        body: as far as it was asked for.
        headers: names in lower case.
    """

    status: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpSession:
    """Connections to the server of one address; opened at the first request.

    Args:
        url: any address of the server.
        where: the sink, for errors. Paths of web hooks are often secrets: it names the host alone.
        trust: certificates to trust instead of the usual ones.
        timeout_s: for connecting and for each read and write.
        headers: of each request.
        account: user and password of each request.
        allow_private: the server may have a private address.
        keep_alive: use a connection for several requests. Without it a server that answers twice cannot have its
            second answer taken for that to the next request.
    """

    def __init__(
        self,
        url: httpx.URL,
        *,
        where: str,
        trust: SSLContext | None = None,
        timeout_s: float = 10.0,
        headers: Mapping[str, str] | None = None,
        account: tuple[str, str] | None = None,
        allow_private: bool = False,
        keep_alive: bool = True,
    ) -> None:
        self.url = url
        self._allow_private = allow_private
        self.where = where
        self._trust, self._timeout_s, self._account = trust, timeout_s, account
        self._headers = {
            "User-Agent": f"anomaly/{__version__}",
            "Accept-Encoding": "identity",
            **(headers or {}),
        }
        self._limits = httpx.Limits() if keep_alive else httpx.Limits(max_keepalive_connections=0)
        self._client: httpx.Client | None = None
        self._closed = False

    def send(
        self,
        method: str,
        url: httpx.URL,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        most_bytes: int = 0,
    ) -> HttpAnswer:
        """Send a request and return the answer if it is 2xx; follow a redirect only to the same host, by 307 or 308.

        Args:
            method: of the request.
            url: address on this server.
            headers: beside those of the session.
            body: of the request.
            most_bytes: how much of the answer's body to read. An answer that is longer is refused.

        Raises:
            SinkError: no answer, or one that is not 2xx; permanent for the client errors (4xx) that a repetition
                cannot get past.
        """
        for _ in range(_REDIRECTS):
            answer = self._once(method, url, dict(headers or {}), body, most_bytes)
            if isinstance(answer, HttpAnswer):
                return answer
            url = answer
        raise SinkError("redirects in a circle", where=self.where)

    def close(self) -> None:
        """Close the connections; none is opened again."""
        self._closed = True
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _open(self) -> httpx.Client:
        """Return the client; a variable of the environment that cannot be used is an error of this delivery alone."""
        if self._closed:
            raise SinkError("cannot be reached: the sink is closed", where=self.where)
        if self._client is None:
            try:
                self._client = open_client(
                    self.url,
                    os.environ,
                    verify=self._trust,
                    timeout=self._timeout_s,
                    follow_redirects=False,
                    headers=self._headers,
                    auth=self._account,
                    limits=self._limits,
                )
            except ConfigError as error:
                raise SinkError(f"cannot be reached: {error}", where=self.where, hint=error.hint) from error
        return self._client

    def _once(
        self, method: str, url: httpx.URL, headers: dict[str, str], body: bytes | None, most_bytes: int
    ) -> HttpAnswer | httpx.URL:
        client = self._open()
        places = self._places(url)
        for number, place in enumerate(places):
            try:
                request = _request_to(place, client, method, url, headers, body)
                return self._sent(client, request, url, most_bytes)
            except (httpx.HTTPError, httpx.InvalidURL, RuntimeError) as error:
                not_connected = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if not_connected and number < len(places) - 1:
                    continue  # the next address of the name
                late = isinstance(error, httpx.TimeoutException)
                words = "no answer in time" if late else f"cannot be reached: {plain_reason(error)}"
                raise SinkError(words, where=self.where) from error
        raise SinkError("cannot be reached: its name has no address", where=self.where)

    def _places(self, url: httpx.URL) -> list[str]:
        """Return the addresses to connect to, one after the other; through a proxy the name itself."""
        host = url.raw_host.decode("ascii")
        if proxy_of(url, os.environ)[1]:
            fault = literal_fault(host, allow_private=self._allow_private)
            if fault is not None:
                raise SinkError(
                    f"its address {host} {fault}: nothing is sent there", where=self.where, hint=HINT
                )
            return [host]
        port = url.port or DEFAULT_PORTS[url.scheme]
        return checked_addresses(host, port, self.where, allow_private=self._allow_private)

    def _sent(
        self, client: httpx.Client, request: httpx.Request, url: httpx.URL, most_bytes: int
    ) -> HttpAnswer | httpx.URL:
        """Send a request; return the answer, or the address on the same server that it leads to."""
        answer = client.send(request, stream=True)
        with closing(answer):
            if answer.is_success:
                # A body that never ends must not cost a message that is confirmed: it is read on request only.
                content = self._body(answer, most_bytes) if most_bytes else b""
                return HttpAnswer(_status(answer), content, dict(answer.headers))
            if answer.status_code in (307, 308):
                return self._same_host(url, answer.headers.get("location", ""))
            raise self._refused(answer)

    def _body(self, answer: httpx.Response, most_bytes: int) -> bytes:
        found, end_s = bytearray(), time.monotonic() + 2 * self._timeout_s
        for part in answer.iter_raw():
            found += part
            if len(found) > most_bytes or time.monotonic() > end_s:
                raise SinkError("the answer is too long, or takes too long", where=self.where)
        return bytes(found)

    def _same_host(self, url: httpx.URL, location: str) -> httpx.URL:
        target = url.join(location)
        if (target.scheme, target.host, target.port) != (url.scheme, url.host, url.port):
            raise SinkError(
                f"redirects to another place ({target.scheme}://{target.host})",
                where=self.where,
                hint="put the final address into site.yaml if you trust it",
            )
        return target

    def _refused(self, answer: httpx.Response) -> SinkError:
        # Only the first part: an answer without end must not block the delivery.
        excerpt = one_line(next(answer.iter_raw(), b"")[:_EXCERPT].decode("utf-8", "replace"))
        return SinkError(
            f"answered {_status(answer)}{f': {excerpt}' if excerpt else ''}",
            where=self.where,
            permanent=is_permanent(answer.status_code),
            retry_after_s=retry_after_s(answer.headers.get("retry-after"), time.time()),
        )


def _request_to(
    place: str, client: httpx.Client, method: str, url: httpx.URL, headers: dict[str, str], body: bytes | None
) -> httpx.Request:
    """Make a request that is sent to one address of its host; host and certificate stay those of the name."""
    named = {"Host": url.netloc.decode("ascii")}
    extensions = {"sni_hostname": url.raw_host.decode("ascii")} if url.scheme == "https" else {}
    at = url.copy_with(host=place)
    return client.build_request(method, at, headers=named | headers, content=body, extensions=extensions)


def is_permanent(status: int) -> bool:
    """Return whether a repetition of a request that was answered like this fails in the same way."""
    return 400 <= status < 500 and status not in _RETRYABLE


def _status(answer: httpx.Response) -> str:
    return f"{answer.status_code} {answer.reason_phrase}"


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


def checked_url(url: str, where: str, hint: str) -> httpx.URL:
    """Return an address as httpx reads it.

    Args:
        url: the address.
        where: the sink, for errors.
        hint: how to give a user and a password instead of in the address.

    Raises:
        ConfigError: it is none of http or https, or holds a user or password, or the address of a metadata service. A
            private address that is not allowed is an error of each delivery, so that the monitor goes on without it.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"the address cannot be used: {error}", where=where) from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigError("the address must begin with http:// or https://", where=where)
    if parsed.userinfo:
        raise ConfigError("the address holds a user or password", where=where, hint=hint)
    fault = literal_fault(parsed.raw_host.decode("ascii"), allow_private=True)
    if fault is not None:
        raise ConfigError(f"the address {parsed.host} {fault}: nothing is sent there", where=where)
    return parsed
