"""Screen output: events as lines, and on a terminal one status line for the newest second of all machines."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TextIO

from anomaly.monitor.events import EventName
from anomaly.monitor.records import EventRecord, Record, SecondRecord
from anomaly.readable import rarity

_LINE_EVERY_S = 60
_BAR_WIDTH = 20
# The bar is full at 20 standard deviations, which normal sound does not reach.
_BAR_MAX_SCORE = 20.0
_SOUND_LOST = (EventName.DEVICE_LOST, EventName.MACHINE_FAILED)


class Screen:
    """Printer of records: events as lines; seconds on the status line of a terminal, else one line a minute."""

    def __init__(self, out: TextIO | None = None, *, columns: int | None = None) -> None:
        self._out = sys.stdout if out is None else out
        self._terminal = self._out.isatty()
        self._status_shown = False
        self._width = columns
        self._last: dict[str, SecondRecord] = {}

    def show(self, record: Record) -> bool:
        """Show one record; return whether anything was written, which is so for few seconds in a log."""
        if isinstance(record, SecondRecord):
            self._last[record.machine] = record
        elif record.event in _SOUND_LOST:
            # Without sound the last score does not describe the machine any more.
            self._last.pop(record.machine, None)
        if isinstance(record, SecondRecord) and self._terminal:
            text = line(record) if len(self._last) == 1 else summary(list(self._last.values()))
            self._write(f"\r\x1b[K{text[: self._width or None]}")
            self._status_shown = True
        elif not isinstance(record, SecondRecord) or record.second % _LINE_EVERY_S == 0:
            self._line(line(record))
        else:
            return False
        return True

    def close(self) -> None:
        """End the status line."""
        if self._status_shown:
            self._write("\n")
            self._status_shown = False

    def _line(self, text: str) -> None:
        self._write(f"\r\x1b[K{text}\n" if self._terminal else f"{text}\n")
        self._status_shown = False

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def line(record: Record) -> str:
    """Return one record as one line."""
    if isinstance(record, EventRecord):
        return f"{_clock(record.time_s)}  {record.machine}  {record.event}: {record.message}"
    head = f"{_clock(record.time_s)}  {record.machine}  {record.state or '-':<5}"
    if record.score is None or record.p_value is None:
        return f"{head}  not judged: {record.not_judged or record.sensor}"
    filled = round(_BAR_WIDTH * min(max(record.score, 0.0), _BAR_MAX_SCORE) / _BAR_MAX_SCORE)
    bar = "#" * filled + "." * (_BAR_WIDTH - filled)
    return f"{head}  [{bar}] score {_tenths(record.score):>5}, {rarity(record.p_value)}, {record.level_dbfs:.0f} dBFS"


def summary(records: list[SecondRecord]) -> str:
    """Return the newest seconds of several machines as one line, in the order of their names."""
    parts = []
    for record in sorted(records, key=lambda record: record.machine):
        result = _tenths(record.score) if record.score is not None else f"sensor {record.sensor}"
        parts.append(f"{record.machine} {record.state or '-'} {result}")
    return f"{_clock(max(record.time_s for record in records))}  " + "  |  ".join(parts)


def _tenths(score: float) -> str:
    """Return a score with one digit after the point, and zero without a sign."""
    return f"{score:z.1f}"


def _clock(time_s: float) -> str:
    """Return a UNIX time as local time with its zone."""
    return datetime.fromtimestamp(time_s).astimezone().strftime("%H:%M:%S %Z")
