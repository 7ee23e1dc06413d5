"""Recordings on disk: found below a folder, and read as one channel at their own rate or at 16 kHz."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Channel, Samples
from anomaly.audio.files.audio_format import AudioFormat, Truncation
from anomaly.audio.files.decode import Decoder
from anomaly.audio.resample import StreamResampler
from anomaly.errors import InputError

# Formats of libsndfile, and below those of ffmpeg. Films have sound, too, but are left to the person who names them.
AUDIO_SUFFIXES = (
    ".wav",
    ".wave",
    ".bwf",
    ".flac",
    ".ogg",
    ".oga",
    ".opus",
    ".aif",
    ".aiff",
    ".aifc",
    ".au",
    ".snd",
    ".caf",
    ".w64",
    ".rf64",
    ".mp2",
    ".mp3",
    ".m4a",
    ".aac",
    ".wma",
    ".wv",
    ".mka",
    ".amr",
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


@dataclass
class ReadingReport:
    """Facts of one reading; complete after its last block.

    Args:
        format: header of the file; None before it is open.
        truncation: evidence that the file is not complete.
        silent_channels: channels without sound among others with sound, counted from 0.
        samples: number of samples at 16 kHz.
        energy: sum of their squares.
    """

    format: AudioFormat | None = None
    truncation: Truncation | None = None
    silent_channels: tuple[int, ...] = ()
    samples: int = 0
    energy: float = 0.0

    @property
    def level_dbfs(self) -> float:
        """Root mean square of the sound that was read."""
        return 10 * math.log10(max(self.energy / max(self.samples, 1), 1e-20))


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
    return search(folder).recordings


@dataclass(frozen=True)
class FolderContents:
    """Files below a folder: recordings, and those that are none by their names; hidden ones apart."""

    recordings: list[Path]
    others: list[Path]
    hidden: list[Path]


def search(folder: Path) -> FolderContents:
    """Return all files below a folder as `find_recordings` does, and those that it skips.

    Raises:
        InputError: a part of the folder may not be read.
    """
    found: list[Path] = []
    hidden: list[Path] = []
    seen: set[tuple[int, int]] = set()
    for base, folders, names in os.walk(folder, followlinks=True, onerror=_refuse):
        status = os.stat(base)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(base, name) for name in names if not name.startswith(".")]
        hidden += [Path(base, name) for name in names if name.startswith(".")]
    recordings = [path for path in found if path.suffix.lower() in AUDIO_SUFFIXES]
    others = [path for path in found if path.suffix.lower() not in AUDIO_SUFFIXES]
    return FolderContents(
        sorted(recordings),
        sorted(others),
        sorted(path for path in hidden if path.suffix.lower() in AUDIO_SUFFIXES),
    )


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


def blocks(
    path: Path,
    *,
    block_s: float = 0.1,
    channel: Channel = "mean",
    truncated: bool = False,
    report: ReadingReport | None = None,
) -> Iterator[Samples]:
    """Read a recording of any length as float32 blocks at 16 kHz.

    All blocks hold ``block_s`` seconds but the last, which may be shorter; joined they are the
    samples of ``read_16k``.

    Args:
        path: the recording.
        block_s: length of a block.
        channel: a number counted from 0, or "mean".
        truncated: read a recording that is not complete as far as it goes.
        report: receives the facts of the reading.

    Raises:
        InputError: as ``read``, when the reader reaches the fault.
    """
    with Decoder(path, truncated=truncated) as decoder:
        if report is not None:
            report.format = decoder.format
        for block in cut(resampled(decoder.blocks(channel), decoder.format.sample_rate_hz), block_s):
            if report is not None:
                _note(report, decoder, block)
            yield block
        if report is not None:
            report.truncation = decoder.truncation


def _note(report: ReadingReport, decoder: Decoder, block: Samples) -> None:
    report.truncation = decoder.truncation
    report.silent_channels = decoder.silent_channels
    report.samples += len(block)
    report.energy += float(np.square(block, dtype=np.float64).sum())


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
