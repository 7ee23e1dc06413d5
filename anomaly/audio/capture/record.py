"""Recording of a microphone into clips, each of them saved whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from anomaly.audio.capture.microphone import Microphone
from anomaly.audio.channels import Samples
from anomaly.audio.files.write import save_wav
from anomaly.audio.sensor.health import Health, check_second
from anomaly.errors import ConfigError

SHORTEST_CLIP_S = 1.0


@dataclass
class RecordingSummary:
    """Files and faults of a recording, updated as it proceeds.

    Args:
        files: clips saved.
        seconds: length of all clips saved.
        clipping_s: seconds that touch full scale, of all sound captured.
        silent_s: seconds without sound.
        dc_offset_s: seconds with a large DC offset.
        gaps: places where sound was lost.
    """

    files: list[Path] = field(default_factory=list)
    seconds: float = 0.0
    clipping_s: int = 0
    silent_s: int = 0
    dc_offset_s: int = 0
    gaps: int = 0

    def warnings(self) -> list[str]:
        """Return one sentence for each kind of fault."""
        found = []
        if self.clipping_s:
            found.append(
                f"{self.clipping_s} s touch full scale: lower the gain of the microphone, or move it away"
            )
        if self.silent_s:
            found.append(f"{self.silent_s} s are silent: is the microphone muted, or its gain at zero?")
        if self.dc_offset_s:
            found.append(
                f"{self.dc_offset_s} s have a large DC offset: the microphone or its supply is faulty"
            )
        if self.gaps:
            found.append(
                f"gaps where sound was lost: {self.gaps}; the computer is too busy (each gap starts a new clip)"
            )
        return found


class Recorder:
    """Divides a stream of blocks into clips and saves each once it is full.

    Args:
        folder: where clips are saved, named ``<UTC of the start>_<number>.wav``.
        clip_s: length of a clip.
        sample_rate_hz: rate of the blocks.
        on_saved: called with the path of each clip.
        on_second: called with the health of each second captured.

    Raises:
        ConfigError: the folder cannot be made or written.
    """

    def __init__(
        self,
        folder: Path,
        clip_s: float,
        sample_rate_hz: int,
        *,
        on_saved: Callable[[Path], None] = lambda path: None,
        on_second: Callable[[Health], None] = lambda health: None,
    ) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot be made: {error.strerror}", where=folder) from error
        if not os.access(folder, os.W_OK):
            raise ConfigError("cannot be written", where=folder)
        self.summary = RecordingSummary()
        self._folder, self._rate_hz = folder, sample_rate_hz
        self._clip_size = round(clip_s * sample_rate_hz)
        self._on_saved, self._on_second = on_saved, on_second
        self._stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        self._number = 0
        self._clip = _SampleQueue()
        self._second = _SampleQueue()

    def push(self, samples: Samples, *, after_gap: bool = False) -> None:
        """Add sound; a gap ends the clip, because a splice is a click that resembles a fault."""
        if after_gap and len(self._clip):
            self.summary.gaps += 1
            self.finish()
        self._second.add(samples)
        while len(self._second) >= self._rate_hz:
            self._check(check_second(self._second.take(self._rate_hz)))
        self._clip.add(samples)
        while len(self._clip) >= self._clip_size:
            self._save(self._clip.take(self._clip_size))

    def finish(self) -> None:
        """Save the last clip, if it is at least a second long."""
        rest = self._clip.take(len(self._clip))
        if len(rest) >= SHORTEST_CLIP_S * self._rate_hz:
            self._save(rest)

    def _check(self, health: Health) -> None:
        self.summary.clipping_s += health.status == "clipping"
        self.summary.silent_s += health.status in ("silent", "constant")
        self.summary.dc_offset_s += health.status == "dc-offset"
        self._on_second(health)

    def _save(self, samples: Samples) -> None:
        path = self._next_path()
        while path.exists():  # another recording began in the same second
            path = self._next_path()
        save_wav(path, samples, self._rate_hz)
        self.summary.files.append(path)
        self.summary.seconds += len(samples) / self._rate_hz
        self._on_saved(path)

    def _next_path(self) -> Path:
        self._number += 1
        return self._folder / f"{self._stamp}_{self._number:03d}.wav"


class _SampleQueue:
    """Samples in order of arrival, taken in pieces of any length."""

    def __init__(self) -> None:
        self._parts: list[Samples] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, samples: Samples) -> None:
        self._parts.append(samples)
        self._size += len(samples)

    def take(self, count: int) -> Samples:
        whole = np.concatenate(self._parts) if self._parts else np.zeros(0, dtype=np.float32)
        self._parts = [whole[count:]]
        self._size = len(whole) - min(count, len(whole))
        return whole[:count]


def record(microphone: Microphone, recorder: Recorder, seconds: float) -> RecordingSummary:
    """Record for a number of seconds; after an interruption, the sound before it is saved.

    Raises:
        DeviceError: the microphone was lost; the sound before that is saved.
        ConfigError: the folder cannot be written any more.
        KeyboardInterrupt: Ctrl-C, after saving.
    """
    missing = round(seconds * microphone.sample_rate_hz)
    try:
        while missing > 0:
            block = microphone.read()
            recorder.push(block.samples[:missing], after_gap=block.overflowed)
            missing -= len(block.samples)
    finally:
        recorder.finish()
    return recorder.summary
