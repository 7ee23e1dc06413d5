"""Decoding of recordings; values of a header are checked before memory is allocated for them."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from anomaly.audio.channels import Channel, Samples, to_mono
from anomaly.audio.files.wav_header import read_header
from anomaly.errors import InputError

MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 768_000
MAX_CHANNELS = 64
MAX_HOURS = 24
# Above it a float file holds no sound in any unit, and its energy would overflow float32.
MAX_PEAK = 1e6
_BLOCK_FRAMES = 65_536
# libsndfile shortens these formats to the bytes there are and reports that only in its log.
_CUT_SHORT = re.compile(r"^(?:FORM|riff| *Data Size) *: (\d+) \(should be (\d+)\)", re.MULTILINE)
# Smaller differences are not reported: they hold no audible sound.
_CUT_TOLERANCE_BYTES = 64
_UNKNOWN_FROM_BYTES = 0x7FFF_0000
_UNKNOWN_FRAMES = 2**60


@dataclass(frozen=True)
class AudioFormat:
    """Plausible values of a recording's header.

    ``frames`` is None where the writer did not know the length (a FLAC from a pipe).
    """

    sample_rate_hz: int
    channels: int
    frames: int | None
    container: str
    encoding: str


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading, but never a folder, a pipe or a device.

    Raises:
        InputError: it is missing, empty, not a plain file, or may not be read.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError("is a folder, not a recording", where=path)
        if not stat.S_ISREG(status.st_mode):
            raise InputError("is not a plain file", where=path)
        if status.st_size == 0:
            raise InputError("is empty (0 bytes)", where=path)
        return path.open("rb", buffering=0)  # buffered, the seek back to 0 would not reach libsndfile
    except FileNotFoundError as error:
        raise InputError("there is no such file", where=path, hint="check the path") from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"cannot be read: {getattr(error, 'strerror', None) or error}", where=path
        ) from error


class Decoder:
    """One open recording: its format, and its samples block by block.

    Use it as a context manager.

    Raises:
        InputError: on opening: no sound, incomplete, or an implausible header.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open_regular(path)
        try:
            _check_wav_length(self._file, path)
            self._file.seek(0)
            self._sound = soundfile.SoundFile(self._file.fileno(), closefd=False)
            self.format = _plausible(self._sound, path)
            _check_log(self._sound, path)
        except (soundfile.SoundFileError, TypeError) as error:
            self._file.close()
            raise InputError(
                f"is not a recording that can be read ({_reason(error)})",
                where=path,
                hint="WAV, FLAC, OGG, AIFF and MP3 can be read",
            ) from error
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_: object) -> None:
        self._sound.close()
        self._file.close()

    def blocks(self, channel: Channel = "mean", frames: int = _BLOCK_FRAMES) -> Iterator[Samples]:
        """Yield mono float32 blocks of up to ``frames`` samples at the file's own rate.

        Raises:
            InputError: the sound ends early or is damaged, holds NaN or infinity, or there is no
                such channel.
        """
        form = self.format
        done = 0
        while True:
            try:
                block = self._sound.read(frames, dtype="float32", always_2d=True)
            except soundfile.SoundFileError as error:
                at_s = done / form.sample_rate_hz
                raise InputError(
                    f"is damaged or cut short somewhere after {at_s:.2f} s ({_reason(error)})",
                    where=self._path,
                ) from error
            if len(block) == 0:
                break
            check_numbers(block, done / form.sample_rate_hz, form.sample_rate_hz, self._path)
            done += len(block)
            if done > MAX_HOURS * 3600 * form.sample_rate_hz:
                raise InputError(f"is longer than {MAX_HOURS} h", where=self._path, hint="cut it into pieces")
            yield to_mono(block, channel, where=self._path)
        if done == 0:
            raise InputError("holds no samples", where=self._path)
        if form.frames is not None and done < form.frames and form.container in ("WAV", "WAVEX", "FLAC"):
            raise _cut_short((form.frames - done) / form.sample_rate_hz, self._path)


def check_numbers(block: Samples, start_s: float, sample_rate_hz: int, where: object) -> None:
    """Refuse NaN, infinity and magnitudes above ``MAX_PEAK`` in a block [n, channels].

    Raises:
        InputError: with the time of the first one.
    """
    bad = ~(np.abs(block) <= MAX_PEAK)
    if bad.any():
        row = int(np.flatnonzero(bad.any(axis=1))[0])
        worst = block[row][bad[row]][0]
        raise InputError(
            f"holds samples that are not sound ({worst} at {start_s + row / sample_rate_hz:.3f} s)",
            where=where,
        )


def check_format(sample_rate_hz: int, channels: int, frames: int | None, where: object) -> None:
    """Refuse a header with a sample rate, a number of channels or a length that no recording of a machine has.

    Raises:
        InputError: with the number that is out of range.
    """
    if not MIN_RATE_HZ <= sample_rate_hz <= MAX_RATE_HZ:
        raise InputError(
            f"has a sample rate of {sample_rate_hz} Hz; {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz can be read",
            where=where,
        )
    if not 1 <= channels <= MAX_CHANNELS:
        raise InputError(f"has {channels} channels; 1 to {MAX_CHANNELS} can be read", where=where)
    if frames is not None and frames > MAX_HOURS * 3600 * sample_rate_hz:
        hours = frames / sample_rate_hz / 3600
        raise InputError(f"says it is {hours:.1f} h long; at most {MAX_HOURS} h can be read", where=where)


def _plausible(sound: soundfile.SoundFile, path: Path) -> AudioFormat:
    frames = None if sound.frames >= _UNKNOWN_FRAMES else int(sound.frames)
    check_format(sound.samplerate, sound.channels, frames, path)
    if frames == 0:
        raise InputError("holds no samples", where=path)
    return AudioFormat(sound.samplerate, sound.channels, frames, sound.format, sound.subtype)


def _check_wav_length(file: BinaryIO, path: Path) -> None:
    """Refuse a WAV that is incomplete: libsndfile would return the part that is there without an error."""
    header = read_header(file, where=path)
    if header is None or header.data_bytes is None or header.frame_bytes == 0 or header.sample_rate_hz == 0:
        return
    check_format(header.sample_rate_hz, header.channels, header.data_bytes // header.frame_bytes, path)
    missing = header.data_bytes - (path.stat().st_size - file.tell())
    if missing >= header.frame_bytes:
        frames = missing // header.frame_bytes
        raise _cut_short(frames / header.sample_rate_hz, path)


def _check_log(sound: soundfile.SoundFile, path: Path) -> None:
    log = sound.extra_info if sound.format in ("AIFF", "AU", "W64") else ""
    for declared, present in _CUT_SHORT.findall(log):
        missing = int(declared) - int(present)
        if missing > _CUT_TOLERANCE_BYTES and int(declared) < _UNKNOWN_FROM_BYTES:
            raise _cut_short(missing * sound.frames / int(present) / sound.samplerate, path)


def _cut_short(missing_s: float, path: Path) -> InputError:
    return InputError(
        f"is cut short: its header promises {missing_s:.2f} s more than there is",
        where=path,
        hint="copy or record it again",
    )


def _reason(error: Exception) -> str:
    text = getattr(error, "error_string", None) or str(error)
    return text.strip().removeprefix("Error : ").rstrip(".").lower()


def duration_s(path: Path) -> float:
    """Return the length in a recording's header, in seconds; 0 where the header does not hold it.

    Raises:
        InputError: it is not a recording.
    """
    with Decoder(path) as decoder:
        return (decoder.format.frames or 0) / decoder.format.sample_rate_hz
