"""Requests to Zenodo, or to a mirror of it: what may pass is tried again, all else is told with its address."""

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
from anomaly.alerts.sinks.webhook import retry_after_s
from anomaly.errors import ConfigError, RemoteError

ENVIRONMENT = "ANOMALY_ZENODO"
_HOME = "https://zenodo.org"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = 5


class PassingError(Exception):
    """A failure that may pass: a broken connection, a server that is busy.

    Attributes:
        message: what happened.
        url: where.
        wait_s: the pause that the server asks for, if it does.
    """

    def __init__(self, message: str, url: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.url = url
        self.wait_s = wait_s


@dataclass(frozen=True)
class Patience:
    """How long to go on when nothing comes.

    Attributes:
        tries: fruitless tries in a row before giving up.
        first_wait_s: the pause after the first; it doubles with each.
        longest_wait_s: no pause is longer; a server that asks for more is given up.
        answer_s: seconds without a byte that count as no answer.
        sleep: what passes the time.
    """

    tries: int = 5
    first_wait_s: float = 1.0
    longest_wait_s: float = 120.0
    answer_s: float = 30.0
    sleep: Callable[[float], None] = time.sleep


class Remote:
    """Zenodo, or the mirror that ``ANOMALY_ZENODO`` names. A proxy of the environment is used.

    Args:
        base: address of a mirror, instead of the environment's.
        patience: how long to go on when nothing comes.
        say: told one line before each pause.

    Raises:
        ConfigError: the address or the proxy of the environment cannot be used.
    """

    def __init__(
        self,
        base: str | None = None,
        *,
        patience: Patience | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.base = _checked(base if base is not None else os.environ.get(ENVIRONMENT) or _HOME)
        self._patience = patience or Patience()
        self._say = say
        try:
            self._client = httpx.Client(
                timeout=self._patience.answer_s,
                follow_redirects=True,
                max_redirects=_REDIRECTS,
                # A proxy of the environment knows nothing of this machine's own addresses.
                trust_env=httpx.URL(self.base).host not in _LOOPBACK,
                headers={"User-Agent": f"anomaly/{__version__}", "Accept-Encoding": "identity"},
            )
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise ConfigError(
                f"the proxy of the environment cannot be used: {error}",
                where="HTTP_PROXY, HTTPS_PROXY, ALL_PROXY",
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
        """Ask once and yield the answer, its body unread.

        Args:
            url: the address.
            headers: more headers of the request.
            also: codes that are answers as good as 200.

        Raises:
            PassingError: no answer, a broken one, or a code that may pass; also from within the block.
            RemoteError: any other code, or a redirect from https to http.
        """
        try:
            with self._client.stream("GET", url, headers=headers) as answer:
                _refuse(answer, url, also)
                yield answer
        except httpx.TransportError as error:
            raise PassingError(str(error) or type(error).__name__, url) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RemoteError(f"cannot be read: {error}", where=url) from error

    def get(self, url: str, *, largest_bytes: int) -> bytes:
        """A small answer as a whole, asked for until it comes.

        Raises:
            RemoteError: it does not come, or is larger than it may be.
        """
        failures = 0
        while True:
            try:
                return self._once(url, largest_bytes)
            except PassingError as trouble:
                failures += 1
                self.wait(trouble, failures)

    def wait(self, trouble: PassingError, failures: int) -> None:
        """Pass the time before the next try.

        Args:
            trouble: what went wrong.
            failures: fruitless tries in a row, this one counted.

        Raises:
            RemoteError: enough is enough.
        """
        patience = self._patience
        asked_s = trouble.wait_s or 0.0
        if asked_s > patience.longest_wait_s:
            raise RemoteError(
                f"{trouble.message}: asks to wait {asked_s:.0f} s",
                where=trouble.url,
                hint="try again after that time",
            ) from trouble
        if failures >= patience.tries:
            raise RemoteError(
                f"{trouble.message} ({failures} tries)",
                where=trouble.url,
                hint=f"try again later; {ENVIRONMENT} can name a mirror, HTTPS_PROXY a proxy",
            ) from trouble
        pause_s = max(asked_s, min(patience.first_wait_s * 2.0 ** (failures - 1), patience.longest_wait_s))
        self._say(f"{trouble.url}: {trouble.message}; trying again in {pause_s:.0f} s")
        patience.sleep(pause_s)

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
    told = f"answered {code} {answer.reason_phrase}".rstrip()
    if code in _PASSING:
        raise PassingError(told, url, retry_after_s(answer.headers.get("retry-after"), time.time()))
    raise RemoteError(told, where=url, hint=f"open the address in a browser; {ENVIRONMENT} can name a mirror")


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
