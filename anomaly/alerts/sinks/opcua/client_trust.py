"""Certificates of OPC UA clients: those in one folder are trusted, unknown ones are put into another."""

from __future__ import annotations

import hashlib
import logging
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from anomaly import atomic
from anomaly.errors import ConfigError

# A stranger who connects again and again must not fill the disk.
_MOST_REJECTED = 20

log = logging.getLogger(__name__)


class ClientTrust:
    """Decides on clients' certificates; the folder is read at each connection, so that no restart is needed.

    Args:
        trusted: folder of certificates, DER or PEM.
        rejected: folder for the certificates of clients that were refused.
        own: certificate of the server, which the program itself uses to try the server; DER.
        trust_all: every certificate that is valid now is trusted.
    """

    def __init__(self, trusted: Path, rejected: Path, own: bytes, *, trust_all: bool) -> None:
        self._trusted, self._rejected, self._own, self._trust_all = trusted, rejected, own, trust_all

    def prepare(self) -> None:
        """Make the folders, so that people find where a certificate belongs.

        Raises:
            ConfigError: they cannot be made.
        """
        for folder in (self._trusted, self._rejected):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigError(f"cannot be made: {error.strerror}", where=folder) from error

    def fault(self, certificate: bytes) -> str | None:
        """Return why a certificate (DER) is not trusted; None if it is."""
        if certificate == self._own:
            return None
        try:
            found = x509.load_der_x509_certificate(certificate)
        except ValueError:
            return "its certificate cannot be read"
        if not found.not_valid_before_utc <= datetime.now(UTC) <= found.not_valid_after_utc:
            return (
                f"its certificate is valid from {found.not_valid_before_utc} to {found.not_valid_after_utc}"
            )
        if self._trust_all or certificate in self._known():
            return None
        kept = self._keep(certificate)
        return f"its certificate is not trusted; {kept} to {self._trusted} to trust it"

    def _known(self) -> set[bytes]:
        return {found for path in _files(self._trusted) if (found := _der(path)) is not None}

    def _keep(self, certificate: bytes) -> str:
        path = self._rejected / f"{hashlib.sha256(certificate).hexdigest()[:16]}.der"
        try:
            if not path.exists() and len(_files(self._rejected)) < _MOST_REJECTED:
                atomic.write_bytes(path, certificate)
        except ConfigError as error:  # a full disk
            log.warning("the certificate of a client cannot be kept: %s", error)
        return f"move {path}" if path.exists() else "copy the client's certificate"


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(
            path for path in folder.iterdir() if path.suffix.lower() in (".der", ".pem", ".crt", ".cer")
        )
    except OSError:
        return []


def _der(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
        if content.startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificate(content).public_bytes(Encoding.DER)
        return x509.load_der_x509_certificate(content).public_bytes(Encoding.DER)
    except (OSError, ValueError) as error:
        log.warning("%s cannot be read as a certificate: %s", path, error)
        return None
