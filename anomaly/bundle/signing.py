"""Ed25519 signatures over a bundle's manifest, which prove its origin and integrity.

Keys are PEM files as OpenSSL makes them::

    openssl genpkey -algorithm ed25519 -out site.key
    openssl pkey -in site.key -pubout -out site.pub

The manifest holds the hash of every other file, so one signature over its bytes covers the bundle.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from anomaly.errors import ConfigError, ModelError

_KEY_FILE_LIMIT_BYTES = 16_384


def load_private(path: Path) -> Ed25519PrivateKey:
    """Read the private key; call it before a long training run, so that an unusable key fails at once.

    Raises:
        ConfigError: the file is missing, locked by a passphrase, or no Ed25519 private key.
    """
    hint = "make one with `openssl genpkey -algorithm ed25519 -out site.key`"
    try:
        key = load_pem_private_key(_read_key(path), password=None)
    except TypeError as error:
        raise ConfigError(
            "the key is locked by a passphrase", where=path, hint="give an unlocked key file"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError("is not a PEM private key", where=path, hint=hint) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError("is a private key, but not an Ed25519 one", where=path, hint=hint)
    return key


def load_public(path: Path) -> Ed25519PublicKey:
    """Read the public key that bundles are checked with.

    Raises:
        ConfigError: the file is missing or no Ed25519 public key.
    """
    hint = "make one with `openssl pkey -in site.key -pubout -out site.pub`"
    try:
        key = load_pem_public_key(_read_key(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError("is not a PEM public key", where=path, hint=hint) from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError("is a public key, but not an Ed25519 one", where=path, hint=hint)
    return key


def name(key: Ed25519PublicKey) -> str:
    """Return the name of a signer in a manifest: the public key, 32 bytes in base64."""
    return base64.b64encode(key.public_bytes_raw()).decode()


def load_named(signer: str, *, where: Path) -> Ed25519PublicKey:
    """Return the public key that a manifest names.

    Raises:
        ModelError: the name is no key.
    """
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(signer, validate=True))
    except ValueError as error:
        raise ModelError("signer: is no Ed25519 key", where=where) from error


def sign(key: Ed25519PrivateKey, message: bytes) -> bytes:
    """Return the content of a signature file: 64 bytes in base64 and a newline."""
    return base64.b64encode(key.sign(message)) + b"\n"


def check(key: Ed25519PublicKey, message: bytes, signature: bytes, *, where: Path) -> None:
    """Check that ``signature`` (content of a signature file) over ``message`` was made by the owner of ``key``.

    Raises:
        ModelError: it was not, or is no signature at all.
    """
    try:
        raw = base64.b64decode(signature)
        # Base64 has several encodings of the same 64 bytes; only the one that `sign` writes is accepted.
        if base64.b64encode(raw) + b"\n" != signature:
            raise ModelError("is not a signature", where=where)
        key.verify(raw, message)
    except binascii.Error as error:
        raise ModelError("is not a signature", where=where) from error
    except InvalidSignature as error:
        raise ModelError(
            "the signature does not match the key",
            where=where,
            hint="the bundle was changed after it was signed, or somebody else signed it",
        ) from error


def _read_key(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_KEY_FILE_LIMIT_BYTES)
    except OSError as error:
        hint = "check the path; `openssl genpkey -algorithm ed25519 -out site.key` makes a private key"
        raise ConfigError(f"the key cannot be read: {error.strerror}", where=path, hint=hint) from error
