"""Requests to Zenodo, or to a mirror of it: transient failures are retried, others are errors with the address."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from anomaly import __version__
from anomaly.alerts.sinks.http_session import retry_after_s
from anomaly.errors import ConfigError, RemoteError
from anomaly.http_environment import certificate_fault

ENVIRONMENT = "ANOMALY_ZENODO"
_HOME = "https://zenodo.org"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Status codes of transient failures (RFC 9110, 6585 and 8470).
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = 5


class TransientRemoteError(Exception):
    """A failure that may pass: a broken connection, a busy server.

    Attributes:
        message: description of the failure.
        url: address of the request.
        wait_s: pause that the server requests; None if it does not.
    """

    def __init__(self, message: str, url: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.url = url
        self.wait_s = wait_s


@dataclass(frozen=True)
class RequestRetries:
    """Number and pauses of retries (exponential back-off).

    Attributes:
        tries: failed tries in a row after which the request fails.
        first_wait_s: pause after the first; it doubles with each.
        longest_wait_s: longest pause; if the server requests a longer one, the request fails.
        answer_s: time without a byte after which a try has failed.
        sleep: waits for a number of seconds.
    """

    tries: int = 5
    first_wait_s: float = 1.0
    longest_wait_s: float = 120.0
    answer_s: float = 30.0
    sleep: Callable[[float], None] = time.sleep


class Remote:
    """Client of Zenodo, or of the mirror that ``ANOMALY_ZENODO`` names. A proxy of the environment is used.

    Args:
        base: address of a mirror, instead of the environment's.
        retries: number and pauses of retries.
        on_retry: called with one line before each pause.

    Raises:
        ConfigError: the address or the proxy of the environment cannot be used.
    """

    def __init__(
        self,
        base: str | None = None,
        *,
        retries: RequestRetries | None = None,
        on_retry: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.base = _checked(base if base is not None else os.environ.get(ENVIRONMENT) or _HOME)
        self._retries = retries or RequestRetries()
        self._on_retry = on_retry
        try:
            self._client = httpx.Client(
                timeout=self._retries.answer_s,
                follow_redirects=True,
                max_redirects=_REDIRECTS,
                # A proxy cannot reach loopback addresses of this computer.
                trust_env=httpx.URL(self.base).host not in _LOOPBACK,
                headers={"User-Agent": f"anomaly/{__version__}", "Accept-Encoding": "identity"},
            )
        except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
            if (fault := certificate_fault(os.environ)) is not None:
                raise fault from error
            raise ConfigError(
                f"the proxy of the environment cannot be used: {error}",
                where="HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @contextmanager
    def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, also: tuple[int, ...] = ()
    ) -> Iterator[httpx.Response]:
        """Send one request and yield the answer, its body unread.

        Args:
            url: the address.
            headers: additional headers of the request.
            also: codes that are accepted besides 200.

        Raises:
            TransientRemoteError: no answer, a broken one, or a transient code; also from within the block.
            RemoteError: any other code, or a redirect from https to http.
        """
        try:
            with self._client.stream("GET", url, headers=headers) as answer:
                _refuse(answer, url, also)
                yield answer
        except httpx.TransportError as error:
            raise TransientRemoteError(str(error) or type(error).__name__, url) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RemoteError(f"cannot be read: {error}", where=url) from error

    def get(self, url: str, *, largest_bytes: int) -> bytes:
        """Read a small answer as a whole, with retries.

        Raises:
            RemoteError: all tries failed, or the answer is larger than ``largest_bytes``.
        """
        failures = 0
        while True:
            try:
                return self._once(url, largest_bytes)
            except TransientRemoteError as error:
                failures += 1
                self.wait(error, failures)

    def wait(self, error: TransientRemoteError, failures: int) -> None:
        """Wait before the next try.

        Args:
            error: of the last try.
            failures: failed tries in a row, the last one included.

        Raises:
            RemoteError: there have been too many, or the server requests too long a pause.
        """
        retries = self._retries
        requested_s = error.wait_s or 0.0
        if requested_s > retries.longest_wait_s:
            raise RemoteError(
                f"{error.message}: asks to wait {requested_s:.0f} s",
                where=error.url,
                hint="try again after that time",
            ) from error
        if failures >= retries.tries:
            raise RemoteError(
                f"{error.message} ({failures} tries)",
                where=error.url,
                hint=f"try again later; {ENVIRONMENT} can name a mirror, HTTPS_PROXY a proxy",
            ) from error
        pause_s = max(requested_s, min(retries.first_wait_s * 2.0 ** (failures - 1), retries.longest_wait_s))
        self._on_retry(f"{error.url}: {error.message}; trying again in {pause_s:.0f} s")
        retries.sleep(pause_s)

    def _once(self, url: str, largest_bytes: int) -> bytes:
        body = bytearray()
        with self.open(url) as answer:
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > largest_bytes:
                    raise RemoteError(f"answers with more than {largest_bytes} bytes", where=url)
        return bytes(body)


def _refuse(answer: httpx.Response, url: str, also: tuple[int, ...]) -> None:
    steps = [answer.url.scheme, *(step.url.scheme for step in answer.history)]
    if url.startswith("https:") and "http" in steps:
        raise RemoteError(f"redirects to an address without encryption ({answer.url})", where=url)
    code = answer.status_code
    if code in (200, *also):
        return
    message = f"answered {code} {answer.reason_phrase}".rstrip()
    if code in _TRANSIENT:
        raise TransientRemoteError(
            message, url, retry_after_s(answer.headers.get("retry-after"), time.time())
        )
    raise RemoteError(
        message, where=url, hint=f"open the address in a browser; {ENVIRONMENT} can name a mirror"
    )


def _checked(base: str) -> str:
    try:
        url = httpx.URL(base)
    except httpx.InvalidURL as error:
        raise ConfigError(f"{base!r} is no address: {error}", where=ENVIRONMENT) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigError(f"{base!r} must begin with http:// or https://", where=ENVIRONMENT)
    if url.userinfo or url.query or url.fragment:
        raise ConfigError("must be a plain address, without user, query or fragment", where=ENVIRONMENT)
    return base.rstrip("/")
