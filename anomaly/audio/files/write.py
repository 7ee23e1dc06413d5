"""Recordings written to disk, whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import soundfile

from anomaly import atomic
from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples


def save_wav(
    path: Path, samples: Samples, sample_rate_hz: int = SAMPLE_RATE_HZ, *, subtype: str = "PCM_24"
) -> None:
    """Write float32 [n] (or [n, channels]) as WAV; values beyond full scale are clipped.

    24 bits by default: rounding to 16 would add noise that sound from a live microphone does not have.

    Raises:
        ConfigError: the folder cannot be written.
    """
    atomic.write_bytes(path, _encoded(samples, sample_rate_hz, "WAV", subtype))


def save_flac(
    path: Path, samples: Samples, sample_rate_hz: int = SAMPLE_RATE_HZ, *, subtype: str = "PCM_24"
) -> None:
    """Write float32 [n] as FLAC, lossless at 24 bits.

    Raises:
        ConfigError: the folder cannot be written.
    """
    atomic.write_bytes(path, _encoded(samples, sample_rate_hz, "FLAC", subtype))


def _encoded(samples: Samples, sample_rate_hz: int, container: str, subtype: str) -> bytes:
    memory = io.BytesIO()
    soundfile.write(memory, samples, sample_rate_hz, subtype=subtype, format=container)
    return memory.getvalue()
