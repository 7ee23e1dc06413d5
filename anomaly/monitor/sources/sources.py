"""Where the monitor's sound comes from: a file or a pipe; ``ears.py`` has microphones and streams.

Each source is a generator that opens what it reads at the first ``next`` and releases it when it is closed.
"""

from __future__ import annotations

import io
import os
import select
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.capture.block_schedule import BLOCK_S
from anomaly.audio.channels import Channel, Samples
from anomaly.audio.files.decode import duration_s
from anomaly.audio.files.recordings import blocks as file_blocks
from anomaly.audio.files.stream import stream_blocks
from anomaly.errors import InputError
from anomaly.monitor.stop import Stop

# How often a pipe that says nothing is left, to see whether the monitor is to stop.
_GLANCE_S = 0.2


@dataclass(frozen=True, eq=False)
class Sound:
    """A block of sound.

    Args:
        samples: float32 [n], 16 kHz, mono.
        time_s: UNIX seconds of its first sample.
        gap: samples were lost just before it.
        repeated: share of the last half second that repeats what came before it, bit by bit.
    """

    samples: Samples
    time_s: float
    gap: bool = False
    repeated: float = 0.0


@dataclass(frozen=True)
class Lost:
    """The microphone is gone; ``reason`` says how we know. Sound may follow when it is back."""

    time_s: float
    reason: str


@dataclass(frozen=True)
class CaptureEvent:
    """Something that happened on the way from the microphone, and is no sound.

    Args:
        time_s: UNIX seconds.
        event: a stable name with a dot.
        words: one sentence for a person.
        detail: what else there is to say, JSON types.
        state: of the capture from now on; None if it stays.
    """

    time_s: float
    event: str
    words: str
    detail: dict[str, Any]
    state: str | None = None


SourceEvent: TypeAlias = Sound | Lost | CaptureEvent
Source: TypeAlias = Generator[SourceEvent, None, None]


def from_blocks(
    pieces: Iterator[Samples], stop: Stop, *, realtime: bool, start_s: float | None = None
) -> Source:
    """Sound from blocks that are there already, on its own clock.

    Args:
        pieces: float32 blocks at 16 kHz.
        stop: ends the sound.
        realtime: wait, so that a second of sound takes a second.
        start_s: UNIX seconds of the first sample; default: now.
    """
    start_s = time.time() if start_s is None else start_s
    begun, position = time.monotonic(), 0
    for piece in pieces:
        due = begun + (position + len(piece)) / SAMPLE_RATE_HZ
        if stop.wait(max(0.0, due - time.monotonic())) if realtime else stop.asked:
            return
        yield Sound(piece, start_s + position / SAMPLE_RATE_HZ)
        position += len(piece)


def from_file(path: Path, stop: Stop, *, realtime: bool, channel: Channel = "mean") -> Source:
    """Sound of a recording.

    Raises:
        InputError: it cannot be read.
    """
    # Read at once, the sound lies in the past: its last sample is now.
    start_s = None if realtime else time.time() - duration_s(path)
    pieces = file_blocks(path, block_s=BLOCK_S, channel=channel)
    yield from from_blocks(pieces, stop, realtime=realtime, start_s=start_s)


def from_stdin(stop: Stop, *, channel: Channel = "mean") -> Source:
    """Sound of a WAV that arrives on standard input, at the pace at which it arrives.

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
        # Told to stop, the pipe seems to end too early.
        if not stop.asked:
            raise


class _Pipe(io.RawIOBase):
    """Standard input that ends when the monitor is told to stop, even if nothing arrives."""

    name = "<stdin>"

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._stop.asked:
            if select.select([0], [], [], _GLANCE_S)[0]:
                return os.read(0, size)
        return b""
