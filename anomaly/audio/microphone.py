"""A microphone as a stream of blocks at 16 kHz, captured by a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.capture_process import CaptureProcess
from anomaly.audio.channels import Channel, Samples, to_mono
from anomaly.audio.devices import resolve
from anomaly.audio.resample import StreamResampler
from anomaly.audio.wire import RawBlock
from anomaly.errors import DeviceError


@dataclass(frozen=True, eq=False)
class Block:
    """Sound from a microphone.

    Args:
        samples: float32 [n], n > 0 and not always the same.
        start_sample: place of the first sample since the start, at the rate of ``samples``; it
            jumps where samples were lost.
        utc: seconds since 1970 at which the first sample was taken.
        overflowed: samples were lost just before this block, or in it (they were no numbers).
    """

    samples: Samples
    start_sample: int
    utc: float
    overflowed: bool


class Microphone:
    """Captures from one input; use it as a context manager.

    Args:
        device: what ``anomaly.audio.devices.resolve`` understands.
        channel: a number counted from 0, or "mean".
        rate_hz: rate to open the device at; default: the first likely one that it takes.
        block_s: how often the capture process hands over sound.
        to_hz: rate of the samples returned; None leaves them at the device's rate.

    Raises:
        DeviceError: on entering: no such input, busy, no permission, no such channel.
    """

    def __init__(
        self,
        device: str,
        *,
        channel: Channel = "mean",
        rate_hz: int | None = None,
        block_s: float = 0.1,
        to_hz: int | None = SAMPLE_RATE_HZ,
    ) -> None:
        self.device = device
        self._channel, self._rate_hz, self._block_s, self._to_hz = channel, rate_hz, block_s, to_hz
        self._process: CaptureProcess | None = None

    def __enter__(self) -> Microphone:
        target = resolve(self.device)
        options = ["--block-s", str(self._block_s)]
        if self._rate_hz is not None:
            options += ["--rate-hz", str(self._rate_hz)]
        if self._channel != "mean":
            options += ["--channel", str(self._channel)]
        process = CaptureProcess(target, options)
        if self._channel != "mean" and self._channel >= process.start.channels:
            process.close()
            words = f"there is no channel {self._channel}, only {process.start.channels}, counted from 0"
            raise DeviceError(words, where=self.device)
        self._process = process
        self.description = target.description
        self.native_rate_hz = process.start.sample_rate_hz
        self.sample_rate_hz = self._to_hz or self.native_rate_hz
        self._segment = _Segment(0, self.native_rate_hz, self.sample_rate_hz)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def process_id(self) -> int:
        """Number of the capture process.

        Raises:
            DeviceError: the microphone is not open.
        """
        return self._open().pid

    def read(self, timeout_s: float = 5.0) -> Block:
        """Wait for the next block.

        Raises:
            DeviceError: nothing came for ``timeout_s``, or the device or its process is gone.
        """
        lost = False
        while True:
            raw = self._open().receive(timeout_s)
            samples, all_numbers = self._samples(raw)
            lost = lost or raw.overflowed or not all_numbers
            if raw.position != self._segment.next_position:
                self._segment = _Segment(raw.position, self.native_rate_hz, self.sample_rate_hz)
            block = self._segment.push(samples, raw, lost)
            if block is not None:
                return block

    def blocks(self, timeout_s: float = 5.0) -> Iterator[Block]:
        """Read for ever."""
        while True:
            yield self.read(timeout_s)

    def close(self) -> None:
        """End the capture process and collect it; may be called twice."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _open(self) -> CaptureProcess:
        if self._process is None:
            raise DeviceError("the microphone is not open", where=self.device)
        return self._process

    def _samples(self, raw: RawBlock) -> tuple[Samples, bool]:
        """The chosen channel of a raw block, and whether all of it were numbers (others become 0)."""
        values = np.frombuffer(raw.data, dtype="<f4").astype(np.float32, copy=False)
        mono = to_mono(values.reshape(-1, self._open().start.channels), self._channel, where=self.device)
        numbers = np.isfinite(mono)
        if numbers.all():
            return mono, True
        return np.where(numbers, mono, np.float32(0)), False


class _Segment:
    """A stretch of sound without a gap: one resampler, and the places of its samples."""

    def __init__(self, position: int, from_hz: int, to_hz: int) -> None:
        self.next_position = position
        self._resampler = StreamResampler(from_hz, to_hz)
        self._next_sample = round(position * to_hz / from_hz)
        self._from_hz, self._to_hz = from_hz, to_hz

    def push(self, samples: Samples, raw: RawBlock, overflowed: bool) -> Block | None:
        """Resample a raw block; None while the resampler holds everything back."""
        ready = self._resampler.push(samples)
        self.next_position = raw.position + len(samples)
        if len(ready) == 0:
            return None
        utc = raw.utc + self._next_sample / self._to_hz - raw.position / self._from_hz
        block = Block(ready, self._next_sample, utc, overflowed)
        self._next_sample += len(ready)
        return block
