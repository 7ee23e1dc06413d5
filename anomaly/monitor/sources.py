"""Where the monitor's sound comes from: a file, a pipe, or a microphone that may come and go."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Channel, Samples
from anomaly.audio.decode import duration_s
from anomaly.audio.files import blocks as file_blocks
from anomaly.audio.microphone import Microphone
from anomaly.audio.stream import stream_blocks
from anomaly.errors import DeviceError

_BLOCK_S = 0.1
# A microphone that says nothing for this long is lost.
_SILENT_FOR_S = 3.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 5.0


@dataclass(frozen=True, eq=False)
class Sound:
    """A block of sound.

    Args:
        samples: float32 [n], 16 kHz, mono.
        time_s: UNIX seconds of its first sample.
        gap: samples were lost just before it.
    """

    samples: Samples
    time_s: float
    gap: bool = False


@dataclass(frozen=True)
class Lost:
    """The microphone is gone; ``reason`` says how we know. Sound may follow when it is back."""

    time_s: float
    reason: str


Heard = Sound | Lost


def from_blocks(
    pieces: Iterator[Samples], *, realtime: bool, start_s: float | None = None
) -> Iterator[Heard]:
    """Sound from blocks that are there already, on its own clock.

    Args:
        pieces: float32 blocks at 16 kHz.
        realtime: wait, so that a second of sound takes a second.
        start_s: UNIX seconds of the first sample; default: now.
    """
    start_s = time.time() if start_s is None else start_s
    begun, position = time.monotonic(), 0
    for piece in pieces:
        if realtime:
            due = begun + (position + len(piece)) / SAMPLE_RATE_HZ
            time.sleep(max(0.0, due - time.monotonic()))
        yield Sound(piece, start_s + position / SAMPLE_RATE_HZ)
        position += len(piece)


def from_file(path: Path, *, realtime: bool, channel: Channel = "mean") -> Iterator[Heard]:
    """Sound of a recording.

    Raises:
        InputError: it cannot be read.
    """
    # Read at once, the sound lies in the past: its last sample is now.
    start_s = None if realtime else time.time() - duration_s(path)
    return from_blocks(
        file_blocks(path, block_s=_BLOCK_S, channel=channel), realtime=realtime, start_s=start_s
    )


def from_stdin(*, channel: Channel = "mean") -> Iterator[Heard]:
    """Sound of a WAV that arrives on standard input, at the pace at which it arrives.

    Raises:
        InputError: it is no WAV, or ends early.
    """
    with open(0, "rb", buffering=0, closefd=False) as pipe:
        yield from from_blocks(stream_blocks(pipe, block_s=_BLOCK_S, channel=channel), realtime=False)


def from_microphone(
    device: str, *, channel: Channel = "mean", wait: Callable[[float], bool]
) -> Iterator[Heard]:
    """Sound of a microphone; a lost one is looked for again, with back-off, until it is back.

    Args:
        device: as ``anomaly devices`` names it.
        channel: a number counted from 0, or "mean".
        wait: sleeps that many seconds; true if it was woken to stop.

    Raises:
        DeviceError: it cannot be opened at the very start.
    """
    microphone = Microphone(device, channel=channel)
    microphone.__enter__()
    pause_s = _FIRST_WAIT_S
    while True:
        try:
            for sound in _heard(microphone):
                pause_s = _FIRST_WAIT_S
                yield sound
        except DeviceError as error:
            yield Lost(time.time(), str(error))
        finally:
            microphone.close()
        while True:
            if wait(pause_s):
                return
            pause_s = min(2 * pause_s, _LONGEST_WAIT_S)
            try:
                microphone = Microphone(device, channel=channel)
                microphone.__enter__()
                break
            except DeviceError as error:
                yield Lost(time.time(), str(error))


def _heard(microphone: Microphone) -> Iterator[Sound]:
    expected: int | None = None
    for block in microphone.blocks(_SILENT_FOR_S):
        jumped = expected is not None and block.start_sample != expected
        expected = block.start_sample + len(block.samples)
        yield Sound(block.samples, block.utc, gap=block.overflowed or jumped)
