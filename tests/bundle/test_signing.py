"""Keys that OpenSSL makes are read; anything else is refused with words."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from anomaly.bundle import signing
from anomaly.errors import ConfigError, ModelError


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    path = tmp_path / "site.key"
    openssl("genpkey", "-algorithm", "ed25519", "-out", path)
    return path


def test_a_signature_holds_for_its_message_only(private: Path) -> None:
    key = signing.load_private(private)
    signature = signing.sign(key, b"manifest")
    assert len(signature) == 89
    signing.check(key.public_key(), b"manifest", signature, where=private)
    with pytest.raises(ModelError, match="does not match"):
        signing.check(key.public_key(), b"Manifest", signature, where=private)


@pytest.mark.parametrize(
    "change", [bytes.upper, lambda text: text[:-1], lambda text: text + b"\n", lambda _: b""]
)
def test_another_spelling_of_a_signature_is_none(private: Path, change: Callable[[bytes], bytes]) -> None:
    key = signing.load_private(private)
    signature = change(signing.sign(key, b"manifest"))
    with pytest.raises(ModelError):
        signing.check(key.public_key(), b"manifest", signature, where=private)


def test_a_key_is_found_again_by_its_name(private: Path) -> None:
    key = signing.load_private(private).public_key()
    assert signing.load_named(signing.name(key), where=private) == key
    with pytest.raises(ModelError, match="no Ed25519 key"):
        signing.load_named("c2hvcnQ=", where=private)


def test_a_locked_key(tmp_path: Path) -> None:
    locked = tmp_path / "locked.key"
    openssl("genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:secret", "-out", locked)
    with pytest.raises(ConfigError, match="locked by a passphrase"):
        signing.load_private(locked)


def test_a_key_of_another_kind(tmp_path: Path) -> None:
    other, public = tmp_path / "other.key", tmp_path / "other.pub"
    openssl("genpkey", "-algorithm", "x25519", "-out", other)
    openssl("pkey", "-in", other, "-pubout", "-out", public)
    with pytest.raises(ConfigError, match="not an Ed25519 one"):
        signing.load_private(other)
    with pytest.raises(ConfigError, match="not an Ed25519 one"):
        signing.load_public(public)


@pytest.mark.parametrize("load", [signing.load_private, signing.load_public])
def test_no_key_at_all(tmp_path: Path, load: Callable[[Path], object]) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "missing")
    text = tmp_path / "text"
    text.write_text("hello")
    with pytest.raises(ConfigError, match="is not a PEM"):
        load(text)
