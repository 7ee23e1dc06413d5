"""Decoding of recordings; values of a header are checked before memory is allocated for them."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import soundfile

from anomaly.audio.channels import Channel, Samples, to_mono
from anomaly.audio.files.audio_format import MAX_HOURS, AudioFormat, Truncation, check_numbers
from anomaly.audio.files.channel_levels import ChannelLevels
from anomaly.audio.files.ffmpeg_reader import APT_LINE, FfmpegReader, container_of, is_installed
from anomaly.audio.files.header_repair import OpenedFile, opened
from anomaly.audio.files.sndfile_reader import SndfileReader, reason
from anomaly.errors import InputError

_BLOCK_FRAMES = 65_536


class Reader(Protocol):
    """Blocks of one open file. ``truncation`` is complete after the last block."""

    @property
    def format(self) -> AudioFormat:
        """Sample rate, channels and encoding that the header states."""

    @property
    def truncation(self) -> Truncation | None:
        """Evidence that the file is not complete."""

    def read(self, frames: int) -> Samples:
        """Return up to ``frames`` samples, float32 [n, channels]; none at the end."""

    def close(self) -> None:
        """Release the file."""


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading, but never a folder, a pipe or a device.

    Raises:
        InputError: it is missing, empty, not a plain file, or may not be read.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError("is a folder, not a recording", where=path, hint="name a recording in it")
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

    Args:
        path: the recording.
        truncated: accept a recording that is not complete; its samples are those that are there.

    Raises:
        InputError: on opening: no sound, an implausible header, or incomplete without ``truncated``.
    """

    def __init__(self, path: Path, *, truncated: bool = False) -> None:
        self._path, self._truncated = path, truncated
        self._file = open_regular(path)
        try:
            self._reader = _reader(self._file, path)
        except BaseException:
            self._file.close()
            raise
        self.format = self._reader.format
        self._levels = ChannelLevels(self.format.channels)
        try:
            self._check_complete()
        except InputError:
            self.__exit__()
            raise

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        self._file.close()

    @property
    def truncation(self) -> Truncation | None:
        """Evidence that the recording is not complete; final after the last block."""
        return self._reader.truncation

    @property
    def silent_channels(self) -> tuple[int, ...]:
        """Channels without sound so far, counted from 0, in a recording of several that has sound."""
        return self._levels.silent()

    def blocks(self, channel: Channel = "mean", frames: int = _BLOCK_FRAMES) -> Iterator[Samples]:
        """Yield mono float32 blocks of up to ``frames`` samples at the file's own rate.

        Raises:
            InputError: the sound holds NaN, infinity or values far beyond full scale, there is no such channel, or it
                ends early or is damaged without ``truncated``.
        """
        rate_hz = self.format.sample_rate_hz
        done = 0
        while True:
            block = self._reader.read(frames)
            self._check_complete()
            if len(block) == 0:
                break
            check_numbers(block, done / rate_hz, rate_hz, self._path)
            self._levels.add(block)
            done += len(block)
            if done > MAX_HOURS * 3600 * rate_hz:
                raise InputError(f"is longer than {MAX_HOURS} h", where=self._path, hint="cut it into pieces")
            yield to_mono(block, channel, where=self._path)
        if done == 0:
            raise InputError("holds no samples", where=self._path)

    def _check_complete(self) -> None:
        found = self._reader.truncation
        if found is not None and not self._truncated:
            raise InputError(found.problem, where=self._path, hint="copy or record it again")


def _reader(file: BinaryIO, path: Path) -> Reader:
    """Return the reader of a file: libsndfile, or ffmpeg for what it cannot read."""
    source = opened(file, path)
    try:
        return SndfileReader(source, path)
    except (soundfile.SoundFileError, TypeError) as error:
        return _fallback(file, path, source, error)


def _fallback(file: BinaryIO, path: Path, source: OpenedFile, error: Exception) -> Reader:
    file.seek(0)
    found = container_of(file.read(16))
    if found is not None and is_installed():
        return FfmpegReader(path, *found, source.truncation)
    hint = "WAV, FLAC, OGG, AIFF and MP3 can be read"
    if found is not None:
        hint += f"; with ffmpeg more kinds of {found[1]}: {APT_LINE}"
    raise InputError(
        f"is not a recording that can be read ({reason(error)})", where=path, hint=hint
    ) from error


def duration_s(path: Path) -> float:
    """Return the length of a recording in seconds; it is decoded once where its header does not state the length.

    Raises:
        InputError: it is not a recording.
    """
    with Decoder(path, truncated=True) as decoder:
        frames = decoder.format.frames
        if frames is None:
            frames = sum(len(block) for block in decoder.blocks())
        return frames / decoder.format.sample_rate_hz
