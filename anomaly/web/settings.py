"""Settings of the server of the dashboard, and the check that it is not opened to others without a guard."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from anomaly.errors import ConfigError, UsageError

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8421
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Limits:
    """Limits of requests.

    Args:
        per_s: requests a second of one address, in the long run.
        burst: requests of one address at once.
        body_bytes: longest body of a request.
        upload_bytes: longest recording.
        upload_s: time in which it must have arrived.
        uploads_per_minute: recordings of one address.
        streams: live streams that are open at once.
    """

    per_s: float = 50.0
    burst: float = 500.0
    body_bytes: int = 64 * 2**10
    upload_bytes: int = 64 * 2**20
    upload_s: float = 60.0
    uploads_per_minute: float = 20.0
    streams: int = 256


@dataclass(frozen=True)
class WebSettings:
    """Settings of the server.

    Args:
        config: site file; None as for every command.
        models: folder of bundles, in place of the site's.
        state: folder of the database, in place of the site's.
        data: folder of recordings, for recording and training.
        host: address to listen at.
        port: of TCP.
        token_file: file of tokens.
        url: address under which others reach the server, if a proxy with TLS stands before it.
        certificate: PEM file, to serve TLS.
        key: PEM file of its private key.
        limits: of requests.

    Raises:
        UsageError: options do not fit together.
    """

    config: Path | None = None
    models: Path | None = None
    state: Path | None = None
    data: Path | None = None
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    token_file: Path | None = None
    url: str | None = None
    certificate: Path | None = None
    key: Path | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise UsageError("--certificate and --key go together")
        if self.url is not None:
            parts = urlsplit(self.url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise UsageError(
                    f"{self.url!r} is no address such as https://anomaly.plant.example", where="--url"
                )

    @property
    def is_open_to_others(self) -> bool:
        """Return whether other computers may reach the server, directly or through a proxy."""
        return not is_loopback(self.host) or self.url is not None

    @property
    def is_secure(self) -> bool:
        """Return whether browsers reach it over TLS."""
        return self.certificate is not None or (self.url or "").startswith("https:")

    def require_guard(self, *, guarded: bool) -> None:
        """Check that a server that others reach knows who may do what.

        Args:
            guarded: there are users or tokens.

        Raises:
            ConfigError: there are none.
        """
        if self.is_open_to_others and not guarded:
            raise ConfigError(
                "other computers could reach the dashboard, and nobody would have to log in",
                where=self.url or f"{self.host}:{self.port}",
                hint="add a user with `anomaly serve users add NAME --role admin`, or give --token-file FILE",
            )


def is_loopback(host: str) -> bool:
    """Return whether an address is one of this computer alone."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
