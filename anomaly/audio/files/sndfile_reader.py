"""Reader of the formats that libsndfile decodes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from anomaly.audio.channels import Samples
from anomaly.audio.files.audio_format import AudioFormat, Truncation, check_format, cut_short
from anomaly.audio.files.header_repair import SIZE_TOLERANCE_BYTES, OpenedFile, RewrittenFile
from anomaly.errors import InputError

# libsndfile shortens these formats to the bytes there are and reports that only in its log.
_CUT_SHORT = re.compile(r"^(?:FORM|riff| *Data Size) *: (\d+) \(should be (\d+)\)", re.MULTILINE)
_UNKNOWN_FROM_BYTES = 0x7FFF_0000
_UNKNOWN_FRAMES = 2**60
# Encoder delay and padding of MP3 and AAC: two blocks of 1,152 samples. Headers count them or do not.
_CODEC_DELAY_FRAMES = 2 * 1_152
_COUNTED = ("WAV", "WAVEX", "RF64", "FLAC", "MP3", "CAF")


class _Sequential(soundfile.SoundFile):  # type: ignore[misc, unused-ignore]
    """A file that is read from its start to its end: libsndfile cannot seek in a FLAC without a length."""

    def seekable(self) -> bool:
        """Return False, so that no position is set after a read."""
        return False


class SndfileReader:
    """Blocks of one file in any format of libsndfile.

    Args:
        source: the file with a header that libsndfile reads; it stays open.
        path: the file's name in errors.

    Raises:
        SoundFileError: libsndfile cannot read it.
        InputError: an implausible header.
    """

    def __init__(self, source: OpenedFile, path: Path) -> None:
        target: Any = source.file if isinstance(source.file, RewrittenFile) else source.file.fileno()
        source.file.seek(0)
        self._sound = soundfile.SoundFile(target, closefd=False)
        self.format = _plausible(self._sound, path)
        if self.format.frames is None:
            self._sound.close()
            source.file.seek(0)
            self._sound = _Sequential(target, closefd=False)
        self.truncation = source.truncation or _truncation_in_log(self._sound)
        self._done = 0
        self._ended = False

    def read(self, frames: int) -> Samples:
        """Return up to ``frames`` samples, float32 [n, channels]; none at the end or after damage."""
        if self._ended:
            return self._empty()
        # Not a number where libsndfile wrote nothing: after damage, the samples before it are kept.
        block = np.full((frames, self.format.channels), np.nan, dtype=np.float32)
        try:
            block = self._sound.read(out=block, dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            block = self._before_damage(block, error)
        self._done += len(block)
        if len(block) == 0:
            self._ended = True
            self._count_missing()
        return block

    def close(self) -> None:
        """Close the decoder."""
        self._sound.close()

    def _empty(self) -> Samples:
        return np.empty((0, self.format.channels), dtype=np.float32)

    def _before_damage(self, block: Samples, error: soundfile.SoundFileError) -> Samples:
        self._ended = True
        unwritten = np.flatnonzero(np.isnan(block).any(axis=1))
        block = block[: unwritten[0]] if len(unwritten) else block
        rate_hz = self.format.sample_rate_hz
        done = self._done + len(block)
        missing_s = None if self.format.frames is None else max(0, self.format.frames - done) / rate_hz
        self.truncation = Truncation(
            f"is damaged or cut short somewhere after {done / rate_hz:.2f} s ({reason(error)})", missing_s
        )
        return block

    def _count_missing(self) -> None:
        form = self.format
        if self.truncation is not None or form.frames is None or form.container not in _COUNTED:
            return
        tolerance = _CODEC_DELAY_FRAMES if form.encoding.startswith("MPEG") else 0
        if form.frames - self._done > tolerance:
            self.truncation = cut_short((form.frames - self._done) / form.sample_rate_hz)


def reason(error: Exception) -> str:
    """Return libsndfile's message in lower case, without its prefix."""
    text = getattr(error, "error_string", None) or str(error)
    return text.strip().removeprefix("Error : ").rstrip(".").lower()


def _plausible(sound: soundfile.SoundFile, path: Path) -> AudioFormat:
    frames = None if sound.frames >= _UNKNOWN_FRAMES else int(sound.frames)
    check_format(sound.samplerate, sound.channels, frames, path)
    if frames == 0:
        raise InputError("holds no samples", where=path)
    return AudioFormat(sound.samplerate, sound.channels, frames, sound.format, sound.subtype)


def _truncation_in_log(sound: soundfile.SoundFile) -> Truncation | None:
    log = sound.extra_info if sound.format in ("AIFF", "AU", "W64") else ""
    for declared, present in _CUT_SHORT.findall(log):
        missing = int(declared) - int(present)
        if missing > SIZE_TOLERANCE_BYTES and int(declared) < _UNKNOWN_FROM_BYTES:
            return cut_short(missing * sound.frames / int(present) / sound.samplerate)
    return None
