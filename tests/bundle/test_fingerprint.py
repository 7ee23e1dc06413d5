"""A fingerprint changes with any byte or name, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly.bundle import fingerprint
from anomaly.errors import InputError


def test_order_and_place_do_not_count_bytes_and_names_do(tmp_path: Path) -> None:
    def make(folder: str, **content: bytes) -> list[Path]:
        (tmp_path / folder).mkdir()
        paths = [tmp_path / folder / name for name in content]
        for path in paths:
            path.write_bytes(content[path.name])
        return paths

    def mark(folder: str, **content: bytes) -> str:
        return fingerprint.of_files(make(folder, **content), base=tmp_path / folder)

    first = mark("first", a=b"1", b=b"2")
    assert mark("reversed", b=b"2", a=b"1") == first
    assert mark("renamed", a=b"1", c=b"2") != first
    assert mark("changed", a=b"1", b=b"3") != first
    assert mark("swapped", a=b"2", b=b"1") != first


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.wav: cannot be read"):
        fingerprint.of_files([tmp_path / "gone.wav"], base=tmp_path)


def test_the_code_has_one() -> None:
    assert len(fingerprint.of_code()) == 64
    assert fingerprint.of_code() == fingerprint.of_code()
