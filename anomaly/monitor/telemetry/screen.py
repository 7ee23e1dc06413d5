"""What a person sees: events as lines, and on a terminal one line that follows the sound of all machines."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TextIO

from anomaly.monitor.records import EventRecord, Record, SecondRecord

_MINUTE_S = 60
_BAR = 20
# The bar is full at a score that no normal sound reaches.
_FULL = 20.0
_DEAF_EVENTS = ("device.lost", "machine.failed")


class Screen:
    """Prints records: events on stdout; seconds on a terminal's line, else one line a minute."""

    def __init__(self, out: TextIO | None = None, *, columns: int | None = None) -> None:
        self._out = sys.stdout if out is None else out
        self._terminal = self._out.isatty()
        self._following = False
        self._width = columns
        self._last: dict[str, SecondRecord] = {}

    def show(self, record: Record) -> None:
        """Show one record."""
        if isinstance(record, SecondRecord):
            self._last[record.machine] = record
        elif record.event in _DEAF_EVENTS:
            # What was heard last is no news of a machine that is not heard any more.
            self._last.pop(record.machine, None)
        if isinstance(record, SecondRecord) and self._terminal:
            text = line(record) if len(self._last) == 1 else summary(list(self._last.values()))
            self._write(f"\r\x1b[K{text[: self._width or None]}")
            self._following = True
        elif not isinstance(record, SecondRecord) or record.second % _MINUTE_S == 0:
            self._line(line(record))

    def close(self) -> None:
        """End the line that follows the sound."""
        if self._following:
            self._write("\n")
            self._following = False

    def _line(self, text: str) -> None:
        self._write(f"\r\x1b[K{text}\n" if self._terminal else f"{text}\n")
        self._following = False

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def line(record: Record) -> str:
    """One record as one line."""
    if isinstance(record, EventRecord):
        return f"{_clock(record.time_s)}  {record.machine}  {record.event}: {record.words}"
    head = f"{_clock(record.time_s)}  {record.machine}  {record.state:<5}"
    if record.score is None:
        return f"{head}  sensor {record.sensor}"
    filled = round(_BAR * min(max(record.score, 0.0), _FULL) / _FULL)
    bar = "#" * filled + "." * (_BAR - filled)
    return f"{head}  [{bar}] score {record.score:6.2f}  p {record.p_value:.1e}  {record.level_dbfs:5.1f} dBFS"


def summary(records: list[SecondRecord]) -> str:
    """What was last heard of several machines as one line, in the order of their names."""
    parts = []
    for record in sorted(records, key=lambda record: record.machine):
        heard = f"{record.score:.1f}" if record.score is not None else f"sensor {record.sensor}"
        parts.append(f"{record.machine} {record.state} {heard}")
    return f"{_clock(max(record.time_s for record in records))}  " + "  |  ".join(parts)


def _clock(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%H:%M:%S")
