"""Sources that read a recording or standard input.

Each source is a generator that opens its input at the first ``next`` and releases it when it is closed.
"""

from __future__ import annotations

import io
import os
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.capture.block_schedule import BLOCK_S
from anomaly.audio.channels import Channel, Samples
from anomaly.audio.files.audio_format import Truncation
from anomaly.audio.files.decode import duration_s
from anomaly.audio.files.recordings import ReadingReport
from anomaly.audio.files.recordings import blocks as file_blocks
from anomaly.audio.files.stream import stream_blocks
from anomaly.errors import InputError
from anomaly.monitor.events import EventName
from anomaly.monitor.process.stop import Stop
from anomaly.monitor.sources.events import CaptureEvent, SoundBlock, Source

# How often a silent pipe is left to see whether the monitor is to stop.
_POLL_S = 0.2


def from_blocks(
    blocks: Iterator[Samples], stop: Stop, *, realtime: bool, start_s: float | None = None
) -> Source:
    """Deliver blocks that are there already, timed by a count of samples.

    Args:
        blocks: float32 [n] at 16 kHz.
        stop: ends the sound.
        realtime: wait, so that a second of sound takes a second.
        start_s: UNIX seconds of the first sample; default: now.
    """
    start_s = time.time() if start_s is None else start_s
    begun, position = time.monotonic(), 0
    for block in blocks:
        due = begun + (position + len(block)) / SAMPLE_RATE_HZ
        if stop.wait(max(0.0, due - time.monotonic())) if realtime else stop.is_due:
            return
        yield SoundBlock(block, start_s + position / SAMPLE_RATE_HZ)
        position += len(block)


def from_file(path: Path, stop: Stop, *, realtime: bool, channel: Channel = "mean") -> Source:
    """Deliver the sound of a recording; one that breaks off is delivered as far as it goes, and then reported.

    Raises:
        InputError: it cannot be read.
    """
    # Read at once, the sound lies in the past: its last sample is now.
    start_s = time.time() if realtime else time.time() - duration_s(path)
    reading = ReadingReport()
    pieces = file_blocks(path, block_s=BLOCK_S, channel=channel, truncated=True, report=reading)
    yield from from_blocks(pieces, stop, realtime=realtime, start_s=start_s)
    if reading.truncation is not None and not stop.is_due:
        yield _truncated(path, reading.truncation, reading.samples / SAMPLE_RATE_HZ, start_s)


def _truncated(path: Path, truncation: Truncation, seconds: float, start_s: float) -> CaptureEvent:
    """Return the report on a recording that breaks off after so many ``seconds``."""
    message = f"{path} {truncation.problem}; the {seconds:.2f} s that are there were monitored"
    detail = {"source": str(path), "seconds": round(seconds, 3), "missing_s": truncation.missing_s}
    return CaptureEvent(start_s + seconds, EventName.SOURCE_TRUNCATED, message, detail)


def from_stdin(stop: Stop, *, channel: Channel = "mean") -> Source:
    """Deliver a WAV from standard input, at the pace at which it arrives.

    Raises:
        InputError: there is no standard input, it is no WAV, or it ends early.
    """
    if sys.stdin is None:
        raise InputError("there is no standard input", where="stdin", hint="pipe a WAV into the command")
    if os.isatty(0):
        raise InputError("is a terminal, not a WAV", where="stdin", hint="pipe a WAV into the command")
    pipe = cast(BinaryIO, _Pipe(stop))
    try:
        pieces = stream_blocks(pipe, block_s=BLOCK_S, channel=channel)
        yield from from_blocks(pieces, stop, realtime=False)
    except InputError:
        # While the monitor stops, the pipe seems to end too early.
        if not stop.is_due:
            raise


class _Pipe(io.RawIOBase):
    """Standard input that ends when the monitor is to stop, even if nothing arrives."""

    name = "<stdin>"

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._stop.is_due:
            if select.select([0], [], [], _POLL_S)[0]:
                return os.read(0, size)
        return b""
