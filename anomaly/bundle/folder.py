"""Folder of a bundle: a trained model in one folder, written atomically and checked on every read.

    bundle.json        the manifest: everything below by size and SHA-256
    bundle.sig         optional Ed25519 signature over the bytes of bundle.json
    teacher.onnx  network.npz  network.bit  calibration.json  report/…

Nothing in it is ever unpickled. Writing is atomic: an old bundle stays until the new one is complete. Reading
uses no name, size or byte that differs from the manifest.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from anomaly import atomic
from anomaly.bundle.manifest import (
    AGAIN,
    LIMIT_BYTES,
    RESERVED_NAMES,
    FileEntry,
    Manifest,
    ManifestDraft,
    parse,
)
from anomaly.errors import ConfigError, ModelError
from anomaly.workspace import choose_machine

MANIFEST_NAME, SIGNATURE_NAME = RESERVED_NAMES
TRUSTED_KEY_VARIABLE = "ANOMALY_TRUSTED_KEY"
Signature = Literal["none", "untrusted", "verified"]
_SIGNATURE_LIMIT_BYTES = 1024


@dataclass(frozen=True)
class Bundle:
    """Bundle whose files were all checked.

    Attributes:
        path: its folder.
        manifest: content of ``bundle.json``.
        signature: none; untrusted: valid, without a trusted key to check the signer; verified: by the trusted key.
    """

    path: Path
    manifest: Manifest
    signature: Signature

    def read(self, name: str) -> bytes:
        """Return the bytes of one file, checked again against the manifest as they are read.

        Raises:
            ModelError: the bundle has no such file, or its bytes have changed.
        """
        entry = self.manifest.files.get(name)
        if entry is None:
            listed = ", ".join(sorted(self.manifest.files))
            raise ModelError(f"the bundle has no {name}", where=self.path, hint=f"it has {listed}")
        return _read_checked(self.path / name, entry)


def write_bundle(
    path: Path, draft: ManifestDraft, files: Mapping[str, bytes], *, signing_key: Path | None = None
) -> Bundle:
    """Write a bundle to ``path``; an old one there is kept until the new one is complete.

    Args:
        path: folder of the bundle, usually ``models/<machine>``.
        draft: the part of the manifest that training fills in.
        files: content by name, such as ``network.bit`` or ``report/index.html``.
        signing_key: PEM file with an Ed25519 private key.

    Raises:
        ConfigError: the folder or the key cannot be used.
        ValueError: a name cannot be part of a bundle.
    """
    entries = {name: FileEntry(sha256=_sha256(data), size=len(data)) for name, data in files.items()}
    if signing_key is None:
        manifest = Manifest.complete(draft, entries, signer=None)
        written = {**files, MANIFEST_NAME: manifest.to_json()}
    else:
        from anomaly.bundle import signing

        key = signing.load_private(signing_key)
        manifest = Manifest.complete(draft, entries, signer=signing.name(key.public_key()))
        text = manifest.to_json()
        written = {**files, MANIFEST_NAME: text, SIGNATURE_NAME: signing.sign(key, text)}
    _check_place(path)
    with atomic.new_folder(path) as work:
        for name, data in written.items():
            _write(work / name, data)
        opened = _open(work, trusted_key=None)
    return replace(opened, path=path)


def _check_place(path: Path) -> None:
    """Refuse to replace anything but a bundle or an empty folder: it belongs to the user."""
    bundle_or_empty = path.is_dir() and ((path / MANIFEST_NAME).is_file() or not any(path.iterdir()))
    if path.exists() and not bundle_or_empty:
        raise ConfigError(
            "is in the way: no bundle", where=path, hint="give another --models folder, or move it"
        )


def open_bundle(path: Path, *, trusted_key: Path | None = None) -> Bundle:
    """Open a bundle after checking that it is complete, unchanged, and holds no unlisted file.

    Args:
        path: folder of the bundle.
        trusted_key: PEM file with an Ed25519 public key; without it ``ANOMALY_TRUSTED_KEY`` names one. With
            either, a bundle that this key did not sign is refused.

    Raises:
        ModelError: it is missing, damaged, unsigned, or of a newer schema; names the file.
        ConfigError: the trusted key cannot be used.
    """
    named = os.environ.get(TRUSTED_KEY_VARIABLE, "")
    if trusted_key is None and named:
        trusted_key = Path(named)
    return _open(path, trusted_key)


def _open(path: Path, trusted_key: Path | None) -> Bundle:
    if not path.is_dir():
        raise ModelError("there is no bundle here", where=path, hint="make one with `anomaly train`")
    text = _read_plain(path / MANIFEST_NAME, LIMIT_BYTES)
    if trusted_key is not None:
        _check_trust(path, text, trusted_key)
    manifest = parse(text, where=path / MANIFEST_NAME)
    _check_signer(path, text, manifest.signer)
    for name in _walk(path):
        if name not in manifest.files and name not in RESERVED_NAMES:
            raise ModelError(
                "is not listed in the manifest", where=path / name, hint="remove it, or train anew"
            )
    for name, entry in manifest.files.items():
        _read_checked(path / name, entry)
    if manifest.signer is None:
        return Bundle(path, manifest, "none")
    return Bundle(path, manifest, "untrusted" if trusted_key is None else "verified")


def find_bundle(name: str, models: Path) -> Path:
    """Return the folder of a bundle by its path, or by the name of a machine in the models folder.

    Raises:
        ConfigError: there is neither.
    """
    if not name:
        choose_machine(models, name)
    path = Path(name)
    if os.sep in name or path.name != name or (path / MANIFEST_NAME).is_file():
        return path
    return models / choose_machine(models, name)


def _check_trust(path: Path, text: bytes, trusted_key: Path) -> None:
    from anomaly.bundle import signing

    key = signing.load_public(trusted_key)
    signature = path / SIGNATURE_NAME
    if not os.path.lexists(signature):
        raise ModelError(
            "the bundle is not signed, and a trusted key is set",
            where=path,
            hint="sign it with `anomaly train --sign-key`",
        )
    signing.check(key, text, _read_plain(signature, _SIGNATURE_LIMIT_BYTES), where=signature)


def _check_signer(path: Path, text: bytes, signer: str | None) -> None:
    """Check the signature with the key in the manifest, which detects damage but proves no identity."""
    signature = path / SIGNATURE_NAME
    if signer is not None:
        from anomaly.bundle import signing

        key = signing.load_named(signer, where=path / MANIFEST_NAME)
        signing.check(key, text, _read_plain(signature, _SIGNATURE_LIMIT_BYTES), where=signature)
    elif os.path.lexists(signature):
        raise ModelError("is there, but the manifest names no signer", where=signature, hint=AGAIN)


def _walk(folder: Path, prefix: str = "") -> Iterator[str]:
    """Yield the relative names of all files below; links and devices are refused."""
    with os.scandir(folder) as found:
        for item in sorted(found, key=lambda item: item.name):
            if item.is_dir(follow_symlinks=False):
                yield from _walk(folder / item.name, f"{prefix}{item.name}/")
            elif item.is_file(follow_symlinks=False):
                yield prefix + item.name
            else:
                raise ModelError("is a link or no plain file; a bundle holds only files", where=item.path)


def _read_checked(path: Path, entry: FileEntry) -> bytes:
    data = _read_plain(path, entry.size)
    if len(data) != entry.size:
        raise ModelError(f"is cut short: {len(data)} of {entry.size} bytes", where=path, hint=AGAIN)
    if _sha256(data) != entry.sha256:
        raise ModelError("is damaged: its bytes are not those of the manifest", where=path, hint=AGAIN)
    return data


def _read_plain(path: Path, limit_bytes: int) -> bytes:
    """Return the bytes of a plain file of at most ``limit_bytes``; follows no link and blocks on no pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ModelError("is no plain file", where=path)
            data = file.read(limit_bytes + 1)
    except OSError as error:
        missing = error.errno == errno.ENOENT
        words = "is missing from the bundle" if missing else f"cannot be read: {error.strerror}"
        raise ModelError(words, where=path, hint=AGAIN) from error
    if len(data) > limit_bytes:
        raise ModelError(f"is larger than its {limit_bytes} bytes", where=path, hint=AGAIN)
    return data


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", where=path) from error


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
