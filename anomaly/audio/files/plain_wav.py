"""Quick reading of the plainest of all recordings: a complete WAV, 16 bits, one channel, 16 kHz.

Anything else, and anything odd, is left to `anomaly.audio.files.recordings.blocks`, whose result is the same.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Channel, Samples
from anomaly.audio.compiled import compiled_kernels
from anomaly.audio.files.audio_format import AudioFormat
from anomaly.audio.files.recordings import ReadingReport

# A header without any further chunks, as most programs write it.
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_FULL_SCALE = np.float32(1 / 2**15)
# Longer sound is read in stretches.
_MAX_SECONDS = 160
_PCM = 1


def read_plain_wav(path: Path, report: ReadingReport, channel: Channel) -> Samples | None:
    """Return the samples of a plain WAV, float32 [n]; None for any other file, which is not judged here.

    Args:
        path: the file.
        report: receives the facts of the reading.
        channel: that is asked for.
    """
    if channel not in ("mean", 0):
        return None
    try:
        with open(path, "rb", buffering=0, opener=_without_waiting) as file:
            size = os.fstat(file.fileno()).st_size
            if not _HEADER.size < size <= _HEADER.size + 2 * SAMPLE_RATE_HZ * _MAX_SECONDS:
                return None
            data = file.read(size + 1)
    except (OSError, ValueError):
        return None
    if len(data) <= _HEADER.size or not _is_plain(data):
        return None
    integers = np.frombuffer(data, "<i2", offset=_HEADER.size)
    samples: Samples = np.multiply(integers, _FULL_SCALE, dtype=np.float32, casting="unsafe")
    report.format = AudioFormat(SAMPLE_RATE_HZ, 1, len(samples), "WAV", "PCM_16")
    report.samples = len(samples)
    report.energy = _energy(samples)
    return samples


def _without_waiting(path: str, flags: int) -> int:
    # A pipe of that name must not block; its bytes are no plain WAV then.
    return os.open(path, flags | os.O_NONBLOCK)


def _is_plain(data: bytes) -> bool:
    riff, size, wave, fmt, fmt_size, code, channels, rate_hz, _, align, bits, name, length = (
        _HEADER.unpack_from(data)
    )
    return (
        (riff, wave, fmt, fmt_size, name) == (b"RIFF", b"WAVE", b"fmt ", 16, b"data")
        and (code, channels, rate_hz, align, bits) == (_PCM, 1, SAMPLE_RATE_HZ, 2, 16)
        and length == len(data) - _HEADER.size == size - (_HEADER.size - 8)
        and length % 2 == 0
        and 0 < length <= 2 * SAMPLE_RATE_HZ * _MAX_SECONDS
    )


def _energy(samples: Samples) -> float:
    total = 0.0
    block = 10 * SAMPLE_RATE_HZ
    for start in range(0, len(samples), block):
        part = samples[start : start + block]
        if compiled_kernels.are_loaded():
            total += compiled_kernels.energy(part)
        else:
            total += float(np.square(part, dtype=np.float64).sum())
    return total
