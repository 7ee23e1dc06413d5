"""Times inside a recording and beside it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from anomaly.archive.sources.time_metadata import recorded_time


def broadcast_wave(path: Path, text: bytes) -> Path:
    bext = bytes(256 + 32 + 32) + text + bytes(602 - 320 - len(text))
    chunk = b"bext" + struct.pack("<I", len(bext)) + bext
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WAVE" + chunk)
    return path


def iso(path: Path) -> str | None:
    time = recorded_time(path)
    return None if time is None else time.isoformat()


@pytest.mark.parametrize(
    ("text", "time"),
    [
        (b"2025-01-3123:59:00", "2025-01-31T23:59:00+00:00"),
        (b"2025:01:3123-59-00", "2025-01-31T23:59:00+00:00"),
        (b"2025-13-3123:59:00", None),
        (bytes(18), None),
    ],
)
def test_broadcast_wave(text: bytes, time: str | None, tmp_path: Path) -> None:
    # Date and time follow each other without a gap.
    assert iso(broadcast_wave(tmp_path / "a.wav", text)) == time


@pytest.mark.parametrize(
    ("name", "content", "time"),
    [
        ("a.json", '{"time": "2025-01-31T23:59:00+01:00"}', "2025-01-31T22:59:00+00:00"),
        ("a.flac.json", '{"time": "2025-01-31"}', "2025-01-31T00:00:00+00:00"),
        ("a.json", '{"time": 5}', None),
        ("a.json", "text", None),
    ],
)
def test_sidecar(name: str, content: str, time: str | None, tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(b"fLaC")
    (tmp_path / name).write_text(content)
    assert iso(tmp_path / "a.flac") == time
    assert iso(tmp_path / "missing.wav") is None
