"""Records a microphone into clips, each of them saved whole."""

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
class Recorded:
    """What a recording came to, filled in as it goes on.

    ``seconds`` counts what was saved; the other counts are seconds of what was heard, and gaps.
    """

    files: list[Path] = field(default_factory=list)
    seconds: float = 0.0
    clipping_s: int = 0
    silent_s: int = 0
    dc_offset_s: int = 0
    gaps: int = 0

    def warnings(self) -> list[str]:
        """Sentences for the user; empty where all is well."""
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
    """Cuts a stream of blocks into clips and saves each once it is full.

    Args:
        folder: where clips go, named ``<UTC of the start>_<number>.wav``.
        clip_s: length of a clip.
        sample_rate_hz: rate of the blocks.
        on_saved: told the path of each clip.
        on_second: told the health of each second heard.

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
        self.done = Recorded()
        self._folder, self._rate_hz = folder, sample_rate_hz
        self._clip_size = round(clip_s * sample_rate_hz)
        self._on_saved, self._on_second = on_saved, on_second
        self._stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        self._number = 0
        self._clip = _Pile()
        self._second = _Pile()

    def push(self, samples: Samples, *, after_gap: bool = False) -> None:
        """Add sound; a gap ends the clip, because a splice would sound like a fault."""
        if after_gap and len(self._clip):
            self.done.gaps += 1
            self.finish()
        self._second.add(samples)
        while len(self._second) >= self._rate_hz:
            self._judge(check_second(self._second.take(self._rate_hz)))
        self._clip.add(samples)
        while len(self._clip) >= self._clip_size:
            self._save(self._clip.take(self._clip_size))

    def finish(self) -> None:
        """Save what is left, if it is at least a second."""
        rest = self._clip.take(len(self._clip))
        if len(rest) >= SHORTEST_CLIP_S * self._rate_hz:
            self._save(rest)

    def _judge(self, health: Health) -> None:
        self.done.clipping_s += health.status == "clipping"
        self.done.silent_s += health.status in ("silent", "constant")
        self.done.dc_offset_s += health.status == "dc-offset"
        self._on_second(health)

    def _save(self, samples: Samples) -> None:
        path = self._next_path()
        while path.exists():  # another recording began in the same second
            path = self._next_path()
        save_wav(path, samples, self._rate_hz)
        self.done.files.append(path)
        self.done.seconds += len(samples) / self._rate_hz
        self._on_saved(path)

    def _next_path(self) -> Path:
        self._number += 1
        return self._folder / f"{self._stamp}_{self._number:03d}.wav"


class _Pile:
    """Samples waiting to be cut."""

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


def record(microphone: Microphone, recorder: Recorder, seconds: float) -> Recorded:
    """Record for so many seconds; what was heard until an interruption is saved before it goes on.

    Raises:
        DeviceError: the microphone was lost; what was heard before is saved.
        ConfigError: the folder cannot be written any more.
        KeyboardInterrupt: Ctrl-C, after saving.
    """
    wanted = round(seconds * microphone.sample_rate_hz)
    try:
        while wanted > 0:
            block = microphone.read()
            recorder.push(block.samples[:wanted], after_gap=block.overflowed)
            wanted -= len(block.samples)
    finally:
        recorder.finish()
    return recorder.done
