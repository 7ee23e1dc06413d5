"""Own certificate of the OPC UA server: made once, self-signed, with a key that only this user can read."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from anomaly import atomic
from anomaly.errors import ConfigError

# Clients trust this very certificate: another one means work at each of them.
_VALID = timedelta(days=20 * 365)
_KEY_BITS = 2048


@dataclass(frozen=True)
class OwnCertificate:
    """Certificate and key of the server.

    Args:
        cert: file, DER.
        key: file, PEM, mode 0600.
        der: content of the certificate.
        uri: of the application, as the certificate names it.
    """

    cert: Path
    key: Path
    der: bytes
    uri: str


def own_certificate(folder: Path, name: str, host: str) -> OwnCertificate:
    """Return the certificate of a folder, which is made if there is none.

    Args:
        folder: for ``certificate.der`` and ``private-key.pem``.
        name: of the sink, part of the application's URI.
        host: address at which the server listens.

    Raises:
        ConfigError: the folder cannot be written, or the files do not belong together.
    """
    cert, key = _files(folder)
    if not (cert.exists() and key.exists()):
        _make(cert, key, name, host)
    return _read(cert, key)


def existing_certificate(folder: Path) -> OwnCertificate | None:
    """Return the certificate of a folder; None if the server has not been started yet.

    Raises:
        ConfigError: the files cannot be read, or do not belong together.
    """
    cert, key = _files(folder)
    return _read(cert, key) if cert.exists() and key.exists() else None


def _files(folder: Path) -> tuple[Path, Path]:
    return folder / "certificate.der", folder / "private-key.pem"


def _read(cert: Path, key: Path) -> OwnCertificate:
    try:
        der = cert.read_bytes()
        found = x509.load_der_x509_certificate(der)
        private = load_pem_private_key(key.read_bytes(), None)
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (uri, *_) = names.get_values_for_type(x509.UniformResourceIdentifier)
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound) as error:
        raise _unusable(cert.parent, str(error)) from error
    if private.public_key() != found.public_key():
        raise _unusable(cert.parent, "key and certificate do not belong together")
    return OwnCertificate(cert, key, der, uri)


def _unusable(folder: Path, reason: str) -> ConfigError:
    return ConfigError(
        f"the certificate of the OPC UA server cannot be used: {reason}",
        where=folder,
        hint="delete certificate.der and private-key.pem there; new ones are made, which clients must trust anew",
    )


def _make(cert: Path, key: Path, name: str, host: str) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    made = _signed(private, name, host)
    _write_secret(key, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    atomic.write_bytes(cert, made.public_bytes(Encoding.DER))


def _signed(private: rsa.RSAPrivateKey, name: str, host: str) -> x509.Certificate:
    computer = socket.gethostname() or "localhost"
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"anomaly {name}"[:64])])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    names = _alternative_names(computer, name, host)
    key_id = x509.SubjectKeyIdentifier.from_public_key(private.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
        .add_extension(key_id, critical=False)
        .sign(private, hashes.SHA256())
    )


def _alternative_names(computer: str, name: str, host: str) -> Sequence[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(f"urn:{computer}:anomaly:{name}")]
    with suppress(ValueError):
        names.append(x509.DNSName(computer))
    try:
        names.append(x509.IPAddress(ip_address(host)))
    except ValueError:
        with suppress(ValueError):
            names.append(x509.DNSName(host))
    return names


def _write_secret(path: Path, content: bytes) -> None:
    """Write a file that nobody else can read at any moment."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Made with mode 0600.
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", where=path) from error
