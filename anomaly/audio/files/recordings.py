"""Recordings on disk: found below a folder, and read as one channel at their own rate or at 16 kHz."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Channel, Samples
from anomaly.audio.files.decode import Decoder
from anomaly.audio.resample import StreamResampler
from anomaly.errors import InputError

AUDIO_SUFFIXES = (
    ".wav",
    ".wave",
    ".flac",
    ".ogg",
    ".oga",
    ".aif",
    ".aiff",
    ".aifc",
    ".au",
    ".w64",
    ".rf64",
    ".mp3",
)
# 1 GiB of float32: four and a half hours at 16 kHz. Longer recordings go through ``blocks``.
MAX_SAMPLES_IN_MEMORY = 2**28


@dataclass(frozen=True, eq=False)
class Recording:
    """One recording in memory.

    Args:
        samples: float32 [n], one channel, full scale is 1.
        sample_rate_hz: the file's own rate.
        channels: number of channels of the file.
    """

    samples: Samples
    sample_rate_hz: int
    channels: int

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self.samples) / self.sample_rate_hz


def find_recordings(folder: Path) -> list[Path]:
    """Return all recordings below a folder, sorted by path; a single file is returned as it is.

    Hidden files and folders are skipped. Links to folders are followed, each folder once, so that
    a loop of links ends.

    Raises:
        InputError: there is no such folder, or a part of it may not be read.
    """
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise InputError("there is no such folder", where=folder)
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    for base, folders, names in os.walk(folder, followlinks=True, onerror=_refuse):
        status = os.stat(base)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        visible = (Path(base, name) for name in names if not name.startswith("."))
        found += [path for path in visible if path.suffix.lower() in AUDIO_SUFFIXES]
    return sorted(found)


def read(path: Path, *, channel: Channel = "mean") -> Recording:
    """Read a whole recording at its own rate.

    Raises:
        InputError: it is missing, empty, cut short, damaged, no sound, holds NaN or infinity, has
            an absurd header, no such channel, or is too long to be held in memory.
    """
    with Decoder(path) as decoder:
        rate_hz, channels = decoder.format.sample_rate_hz, decoder.format.channels
        _check_fits(decoder.format.frames or 0, path)
        samples = _concatenate(decoder.blocks(channel), path)
    return Recording(samples, rate_hz, channels)


def read_16k(path: Path, *, channel: Channel = "mean") -> Samples:
    """Read a whole recording as float32 [n] at 16 kHz.

    Raises:
        InputError: as ``read``.
    """
    with Decoder(path) as decoder:
        rate_hz = decoder.format.sample_rate_hz
        _check_fits((decoder.format.frames or 0) * SAMPLE_RATE_HZ // rate_hz, path)
        return _concatenate(resampled(decoder.blocks(channel), rate_hz), path)


def blocks(path: Path, *, block_s: float = 0.1, channel: Channel = "mean") -> Iterator[Samples]:
    """Read a recording of any length as float32 blocks at 16 kHz.

    All blocks hold ``block_s`` seconds but the last, which may be shorter; joined they are the
    samples of ``read_16k``.

    Raises:
        InputError: as ``read``, when the reader reaches the fault.
    """
    with Decoder(path) as decoder:
        yield from cut(resampled(decoder.blocks(channel), decoder.format.sample_rate_hz), block_s)


def cut(pieces: Iterator[Samples], block_s: float) -> Iterator[Samples]:
    """Cut pieces of any length at 16 kHz into blocks of ``block_s`` seconds; the last may be shorter."""
    size = max(1, round(block_s * SAMPLE_RATE_HZ))
    rest = np.zeros(0, dtype=np.float32)
    for piece in pieces:
        rest = np.concatenate([rest, piece]) if len(rest) else piece
        whole = len(rest) - len(rest) % size
        for start in range(0, whole, size):
            yield rest[start : start + size]
        rest = rest[whole:]
    if len(rest):
        yield rest


def resampled(pieces: Iterator[Samples], from_hz: int) -> Iterator[Samples]:
    """Resample pieces of one channel to 16 kHz one by one."""
    resampler = StreamResampler(from_hz)
    for piece in pieces:
        yield resampler.push(piece)
    yield resampler.finish()


def _concatenate(pieces: Iterator[Samples], path: Path) -> Samples:
    parts: list[Samples] = []
    total = 0
    for piece in pieces:
        total += len(piece)
        _check_fits(total, path)
        parts.append(piece)
    return np.concatenate(parts)


def _check_fits(samples: int, path: Path) -> None:
    if samples > MAX_SAMPLES_IN_MEMORY:
        raise InputError(
            f"holds {samples} samples, too many to read at once",
            where=path,
            hint="cut it into files of an hour, or stream it with `anomaly monitor --source`",
        )


def _refuse(error: OSError) -> None:
    raise InputError(f"cannot be read: {error.strerror}", where=error.filename) from error
