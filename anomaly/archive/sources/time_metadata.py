"""Time of a recording from the file itself or a sidecar beside it, where its name tells none.

A Broadcast Wave (EBU Tech 3285) holds date and time in its ``bext`` chunk, in the recorder's own time; a sidecar
``pump_1.json`` or ``pump_1.wav.json`` holds ``{"time": "2025-01-31T23:59:00+01:00"}``. Times without a zone are UTC.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

# Recorders write the chunk before the samples; its fixed part has 602 bytes.
_HEADER_BYTES = 16_384
_DATE_AT, _DATE_LENGTH = 8 + 256 + 32 + 32, 18
_MAX_SIDECAR_BYTES = 1 << 20
_WAVE = (b"RIFF", b"RF64", b"BW64")


def recorded_time(path: Path) -> datetime | None:
    """Return the beginning of a recording; None where neither file nor sidecar tells it."""
    try:
        return _broadcast_time(path) or _sidecar_time(path)
    except OSError:
        return None


def _broadcast_time(path: Path) -> datetime | None:
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    if head[:4] not in _WAVE or (at := head.find(b"bext", 12)) < 0:
        return None
    text = head[at + _DATE_AT : at + _DATE_AT + _DATE_LENGTH].decode("ascii", "replace")
    # The standard allows several separators.
    parts = f"{text[:10]} {text[10:]}"
    digits = [int(part) for part in "".join(c if c.isdecimal() else " " for c in parts).split()]
    return _valid_time(digits) if len(text) == _DATE_LENGTH and len(digits) == 6 else None


def _valid_time(numbers: list[int]) -> datetime | None:
    try:
        year, month, day, hour, minute, second = numbers
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _sidecar_time(path: Path) -> datetime | None:
    for beside in (path.with_suffix(".json"), path.with_name(f"{path.name}.json")):
        if not beside.is_file():
            continue
        try:
            with beside.open("rb") as file:
                time = datetime.fromisoformat(json.loads(file.read(_MAX_SIDECAR_BYTES))["time"])
        except (ValueError, KeyError, TypeError):
            continue
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return None
