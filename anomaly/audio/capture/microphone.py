"""Microphone as a stream of blocks at 16 kHz, captured by a process of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.capture.block_schedule import BLOCK_S
from anomaly.audio.capture.inputs.input_device import Target
from anomaly.audio.capture.inputs.resolve import resolve
from anomaly.audio.capture.portaudio import rates_to_try
from anomaly.audio.capture.wire_format import RawBlock
from anomaly.audio.capture.worker_process import CaptureProcess, NoChannelError
from anomaly.audio.channels import Channel, Samples, to_mono
from anomaly.audio.resample import StreamResampler
from anomaly.audio.sensor.repeated_buffers import RepeatDetector
from anomaly.errors import DeviceError


@dataclass(frozen=True, eq=False)
class CapturedBlock:
    """Block of sound from one channel.

    Args:
        samples: float32 [n], n > 0 and not always the same.
        start_sample: index of the first sample since the start, at the rate of ``samples``; it
            jumps where samples were lost.
        utc: seconds since 1970 at which the first sample was taken.
        overflowed: samples were lost just before this block, or in it (they were not finite).
        repeated: share of the last half second that repeats what came before it, bit by bit.
    """

    samples: Samples
    start_sample: int
    utc: float
    overflowed: bool
    repeated: float = 0.0


class Microphone:
    """Captures from one input; use it as a context manager.

    Args:
        device: any name that `anomaly.audio.capture.inputs.resolve.resolve` accepts.
        channel: a number counted from 0, or "mean".
        rate_hz: rate to open the device at; default: the first usual one that it takes.
        block_s: longest block that the capture process sends.
        to_hz: rate of the samples returned; None leaves them at the device's rate.
        others: further channels, for ``read_all``; the device is opened once for all of them.
        target: the device, where it is resolved already or is a stream.
        advise: list the inputs there are in an error, which takes a second.

    Raises:
        DeviceError: on entering: no such input, busy, no permission, no such channel.
    """

    def __init__(
        self,
        device: str,
        *,
        channel: Channel = "mean",
        rate_hz: int | None = None,
        block_s: float = BLOCK_S,
        to_hz: int | None = SAMPLE_RATE_HZ,
        others: Sequence[Channel] = (),
        target: Target | None = None,
        advise: bool = True,
    ) -> None:
        self.device, self._advise = device, advise
        self._channels = (channel, *others)
        self._rate_hz, self._block_s, self._to_hz = rate_hz, block_s, to_hz
        self._target = target
        self._process: CaptureProcess | None = None

    def __enter__(self) -> Microphone:
        target = resolve(self.device) if self._target is None else self._target
        process = CaptureProcess(target, self._options(target), advise=self._advise)
        highest = max((c for c in self._channels if c != "mean"), default=0)
        if highest >= process.start.channels:
            process.close()
            raise NoChannelError(highest, process.start.channels, self.device)
        self._process = process
        self.description = target.description
        self.native_rate_hz = process.start.sample_rate_hz
        self.sample_rate_hz = self._to_hz or self.native_rate_hz
        self._begin(0)
        self._repeats = [RepeatDetector(self.native_rate_hz) for _ in self._channels]
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

    def read(self, timeout_s: float = 5.0) -> CapturedBlock:
        """Wait for the next block.

        Raises:
            DeviceError: nothing came for ``timeout_s``, or the device or its process is gone.
        """
        return self.read_all(timeout_s)[0]

    def read_all(self, timeout_s: float = 5.0) -> tuple[CapturedBlock, ...]:
        """Wait for the next block, and return it for each channel; all have the same length and time.

        Raises:
            DeviceError: as for ``read``.
        """
        lost = False
        while True:
            raw = self._open().receive(timeout_s)
            lost = lost or raw.overflowed
            if raw.position != self._next_position:
                self._begin(raw.position)
            channels = self._decode(raw)
            lost = lost or not all(finite for _, finite in channels)
            repeated = [r.push(samples) for r, (samples, _) in zip(self._repeats, channels, strict=True)]
            ready = [s.push(samples) for s, (samples, _) in zip(self._resamplers, channels, strict=True)]
            start_sample = self._next_sample
            self._next_sample += len(ready[0])
            if len(ready[0]):
                utc = raw.utc + start_sample / self.sample_rate_hz - raw.position / self.native_rate_hz
                return tuple(
                    CapturedBlock(samples, start_sample, utc, lost, share)
                    for samples, share in zip(ready, repeated, strict=True)
                )

    def blocks(self, timeout_s: float = 5.0) -> Iterator[CapturedBlock]:
        """Yield blocks until the device fails."""
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

    def _options(self, target: Target) -> list[str]:
        options = ["--block-s", str(self._block_s)]
        for rate_hz in [self._rate_hz] if self._rate_hz is not None else rates_to_try(target.rates_hz):
            options += ["--rate-hz", str(rate_hz)]
        options += ["--channels", str(target.channels)] if target.channels is not None else []
        numbers = [channel for channel in self._channels if channel != "mean"]
        return options + (["--channel", str(max(numbers))] if numbers else [])

    def _begin(self, position: int) -> None:
        """Start a segment of sound without a gap: new resamplers, and the index of its first sample."""
        self._next_position = position
        self._next_sample = round(position * self.sample_rate_hz / self.native_rate_hz)
        self._resamplers = [StreamResampler(self.native_rate_hz, self.sample_rate_hz) for _ in self._channels]

    def _decode(self, raw: RawBlock) -> list[tuple[Samples, bool]]:
        """Return each channel of a raw block, and whether all its samples are finite (others become 0)."""
        values = np.frombuffer(raw.data, dtype="<f4").astype(np.float32, copy=False)
        frames = values.reshape(-1, self._open().start.channels)
        self._next_position = raw.position + len(frames)
        return [_finite(to_mono(frames, channel, where=self.device)) for channel in self._channels]


def _finite(samples: Samples) -> tuple[Samples, bool]:
    finite = np.isfinite(samples)
    if finite.all():
        return samples, True
    return np.where(finite, samples, np.float32(0)), False
