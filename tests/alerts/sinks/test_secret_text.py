"""Secrets as editors and shells leave them: read as they were meant, or refused with the name of their file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anomaly.alerts.sinks.secret_text import read_secret
from anomaly.errors import ConfigError


@pytest.mark.parametrize(
    "content",
    [
        b"geheim",
        b"geheim\n",
        b"geheim\r\n",
        b"geheim \t\n\n",
        b"\xef\xbb\xbfgeheim\r\n",
        b"\xef\xbb\xbf geheim",
    ],
)
def test_what_editors_add_is_no_part_of_the_secret(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    assert read_secret(None, file, "webhook plant", {}) == "geheim"
    text = content.decode()
    assert read_secret("KEY", None, "webhook plant", {"KEY": text}) == "geheim"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("geheim".encode("utf-16"), "UTF-16"),
        ("geheim".encode("utf-16-le"), "invisible character \\(U\\+0000, the 2.\\)"),
        ("geheim".encode("utf-16-be"), "invisible character"),
        ("gehe\u200bim".encode(), "U\\+200B"),
        ("gehe\ufeffim".encode(), "U\\+FEFF"),
        ("gehëim".encode("latin-1"), "not in UTF-8"),
        (b"\xef\xbb\xbf\r\n", "empty"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=reason) as caught:
        read_secret(None, file, "webhook plant", {})
    assert str(file) in str(caught.value)
    assert caught.value.where == "webhook plant"


def test_blanks_and_lines_inside_stay(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"two words\r\nand a line\n")
    assert read_secret(None, file, "webhook plant", {}) == "two words\r\nand a line"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"cannot be read: {tmp_path}: Is a directory") as caught:
        read_secret(None, tmp_path, "webhook plant", {})
    assert caught.value.hint
    assert read_secret(None, None, "webhook plant", dict(os.environ)) is None
