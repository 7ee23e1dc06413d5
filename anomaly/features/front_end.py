"""Front end: its settings in a bundle, and the division of sound into seconds and segments.

A score is a function of the samples since the last reset. Resets happen at the first sample, after a
gap, and every ``reset_s`` seconds of the sample clock; framing starts afresh at each. Second ``k``
holds the frames whose last sample lies in it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from anomaly.audio.compiled import compiled_kernels
from anomaly.errors import ModelError
from anomaly.features.mel import (
    HOP,
    N_FFT,
    N_MELS,
    SAMPLE_RATE_HZ,
    Centibels,
    MelStream,
    Samples,
    mel_power,
    n_frames,
    pool,
)

# Frames (0.26 s) after a reset in which encoder and membranes settle; they are left out of the score.
WARM_UP_FRAMES = 8


@dataclass(frozen=True)
class FrontEnd:
    """Settings of the front end.

    Args:
        bands: pooled mel bands, a divisor of 128.
        reset_s: seconds of sound between resets.
        level_normalise: subtract the running broadband level from every frame.

    Raises:
        ModelError: a value is of the wrong kind or out of range.
    """

    bands: int = 32
    reset_s: int = 10
    level_normalise: bool = False

    def __post_init__(self) -> None:
        # A manifest may hold any JSON: True is an int in Python, and "false" is true.
        if [type(value) for value in (self.bands, self.reset_s, self.level_normalise)] != [int, int, bool]:
            raise ModelError("settings are not two whole numbers and a truth value", where="front_end")
        if self.bands < 1 or N_MELS % self.bands:
            raise ModelError(f"{self.bands} bands do not divide {N_MELS}", where="front_end.bands")
        if not 1 <= self.reset_s <= 3600:
            raise ModelError(
                f"{self.reset_s} s between resets is outside 1 to 3600", where="front_end.reset_s"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return settings and constants, for the manifest."""
        return {**asdict(self), **_CONSTANTS}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FrontEnd:
        """Read the settings back.

        Raises:
            ModelError: a key is missing or unknown, or the constants are not those of this version.
        """
        own = {key: value for key, value in values.items() if key not in _CONSTANTS}
        constants = {key: values.get(key) for key in _CONSTANTS}
        if constants != _CONSTANTS:
            raise ModelError(
                f"made by another front end: {constants}, this one has {_CONSTANTS}",
                where="front_end",
                hint="train again with this version",
            )
        try:
            return cls(**own)
        except TypeError as error:
            raise ModelError(f"unreadable settings: {error}", where="front_end") from error


_CONSTANTS: dict[str, Any] = {"sample_rate_hz": SAMPLE_RATE_HZ, "n_fft": N_FFT, "hop": HOP, "n_mels": N_MELS}


def frames_before(second: int) -> int:
    """Return the number of frames that end before second ``second`` of a segment begins."""
    return n_frames(second * SAMPLE_RATE_HZ)


def segment_levels(samples: Samples, front_end: FrontEnd) -> Centibels:
    """Return the pooled levels of a recording, cut into segments that each begin with a reset.

    Args:
        samples: mono sound, [n], float32, 16 kHz; a last part of a second is left out.
        front_end: the settings.

    Returns:
        Levels [segments, frames, bands] in hundredths of a decibel. Frames after the recording's last
        whole second are zero and carry no meaning.
    """
    seconds = len(samples) // SAMPLE_RATE_HZ
    longest = min(seconds, front_end.reset_s)
    count = -(-seconds // front_end.reset_s) if seconds else 0
    levels = np.zeros((count, frames_before(longest), front_end.bands), dtype=np.int32)
    for segment in range(count):
        start = segment * front_end.reset_s * SAMPLE_RATE_HZ
        length = min(front_end.reset_s, seconds - segment * front_end.reset_s)
        part = _levels(samples[start : start + length * SAMPLE_RATE_HZ], front_end.bands)
        levels[segment, : len(part)] = part
    return levels


def _levels(samples: Samples, bands: int) -> Centibels:
    """Return the pooled levels of every whole frame, by compiled code where it is in use; the bits are the same."""
    if not compiled_kernels.are_loaded():
        return pool(mel_power(samples), bands)
    from anomaly.features.compiled.mel_kernel import compiled_levels

    return compiled_levels(samples, bands)


class SecondStream:
    """Divider of a live stream into whole seconds of pooled levels.

    Example:
        >>> import numpy as np
        >>> stream = SecondStream(FrontEnd())
        >>> [(second, len(levels)) for second, levels in stream.push(np.zeros(40_000, np.float32))]
        [(0, 30), (1, 31)]
    """

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end
        self._mel = MelStream()
        self._waiting: list[Samples] = []
        self._waiting_samples = 0
        self._second = 0

    def push(self, samples: Samples) -> list[tuple[int, Centibels]]:
        """Add samples [n]; return (second within the segment, levels [frames, bands]) of each whole second."""
        # A copy: the caller may reuse its buffer.
        self._waiting.append(np.array(samples, dtype=np.float32))
        self._waiting_samples += len(samples)
        seconds = self._waiting_samples // SAMPLE_RATE_HZ
        if seconds == 0:
            return []
        joined = np.concatenate(self._waiting)
        self._waiting = [joined[seconds * SAMPLE_RATE_HZ :].copy()]
        self._waiting_samples = len(self._waiting[0])
        return [self._whole(joined[k * SAMPLE_RATE_HZ : (k + 1) * SAMPLE_RATE_HZ]) for k in range(seconds)]

    def _whole(self, samples: Samples) -> tuple[int, Centibels]:
        if self._second == 0:
            self._mel.reset()
        second, self._second = self._second, (self._second + 1) % self._front_end.reset_s
        return second, pool(self._mel.push(samples), self._front_end.bands)

    @property
    def at_reset(self) -> bool:
        """Return whether the next sample begins a new segment."""
        return self._second == 0 and self._waiting_samples == 0

    def reset(self) -> None:
        """Start a new segment at the next sample; an incomplete second is dropped."""
        self._waiting, self._waiting_samples, self._second = [], 0, 0
        self._mel.reset()
