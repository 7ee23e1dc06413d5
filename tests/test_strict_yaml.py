"""YAML without surprises: strings stay strings, lines are known, and no file can fill the memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly.errors import ConfigError
from anomaly.strict_yaml import DEEPEST, LARGEST_BYTES, load


def read(tmp_path: Path, text: str | bytes) -> object:
    path = tmp_path / "x.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path)[0]


@pytest.mark.parametrize(
    "scalar", ["22:00", "off", "yes", "1e3", "0x10", "010", "1_000", "~", "null", "2027-01-01", "<<"]
)
def test_a_plain_word_is_a_string(scalar: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"key: {scalar}\n") == {"key": scalar}


def test_nothing_given(tmp_path: Path) -> None:
    assert read(tmp_path, "a:\nb: ''\nc:\n  d:\n") == {"a": None, "b": "", "c": {"d": None}}
    assert read(tmp_path, "") is None
    assert read(tmp_path, "# only words\n") is None
    assert read(tmp_path, "a: [x, y]\n") == {"a": ["x", "y"]}


def test_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("# first\na:\n  b: 1\n\n  c:\n    - d: 1\n    - e\n")
    _, lines = load(path)
    assert lines[("a",)] == 2
    assert lines[("a", "b")] == 3
    assert lines[("a", "c")] == 5
    assert lines[("a", "c", 0)] == 6
    assert lines[("a", "c", 0, "d")] == 6
    assert lines[("a", "c", 1)] == 7


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "key 'a' is given twice"),
        ("a:\n  b: 1\n  b: 2\n", 3, "key 'b' is given twice"),
        (BOMB, 1, "anchors and aliases are not allowed here"),
        ("a: 1\nb: *a\n", 2, "anchors and aliases are not allowed here"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "tags are not allowed here"),
        ("a: !!int 3\n", 1, "tags are not allowed here"),
        ("? [a]\n: 1\n", 1, "a key must be a word"),
        ("a: 1\n\tb: 2\n", 2, "found character '\\t'"),
        ("a: [1\nb: 2\n", 2, "expected ',' or ']'"),
        ("a: 1\n---\nb: 2\n", 2, "but found another document"),
        ("a: " + "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), 1, "is nested deeper than"),
        ("a: " + "[" * 100_000, 1, "is nested deeper than"),
        ("a: 'open\n", 2, "found unexpected end of stream"),
    ],
)
def test_what_is_refused(text: str, line: int, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'x.yaml'}:{line}: {problem}")


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"a: \x00\n", b"a: \xe4\n", b"\x80"])
def test_bytes_that_are_no_text(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is not YAML in UTF-8"):
        read(tmp_path, data)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is larger than 1 MiB"):
        read(tmp_path, b"#" * (LARGEST_BYTES + 1))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path)
