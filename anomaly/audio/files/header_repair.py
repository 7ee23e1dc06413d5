"""Headers with placeholder sizes, corrected from the length of the file before libsndfile reads them.

A program that was killed, or that wrote to a pipe, never came back to its header. libsndfile reads no sample then.
"""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

from anomaly.audio.files.audio_format import Truncation, check_format, cut_short
from anomaly.audio.files.ogg_end import ogg_truncation
from anomaly.audio.files.wav_header import WavHeader, canonical_header, read_header

# Differences of sizes up to it are not reported: they hold no audible sound, and many writers miscount a header.
SIZE_TOLERANCE_BYTES = 64
_CAF_UNKNOWN = -1
# Sound chunks and descriptions that CAF writers put before the samples; larger ones are no header.
_MAX_CAF_CHUNK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class OpenedFile:
    """A file as libsndfile shall read it.

    Args:
        file: the file itself, or one with a corrected header.
        truncation: evidence that samples are missing.
    """

    file: Any
    truncation: Truncation | None = None


class RewrittenFile(io.RawIOBase):
    """Read-only file whose first bytes are replaced by a header of any length.

    Args:
        file: the file on disk; it stays open when this one is closed.
        header: bytes that stand before the samples.
        start: position of the first sample in ``file``.
        length: bytes of samples.
    """

    def __init__(self, file: BinaryIO, header: bytes, start: int, length: int) -> None:
        super().__init__()
        self._source, self._header, self._start = file, header, start
        self._size = len(header) + length
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position, and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, and return the number of bytes."""
        count = max(0, min(len(buffer), self._size - self._position))
        if self._position < len(self._header):
            part = self._header[self._position : self._position + count]
        else:
            self._source.seek(self._start + self._position - len(self._header))
            part = self._source.read(count)
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)


def opened(file: BinaryIO, where: object) -> OpenedFile:
    """Return a file to decode, with its header corrected where its sizes are known placeholders.

    Raises:
        InputError: a WAV or CAF with an implausible header, or with no sample.
    """
    file.seek(0)
    start = file.read(8)
    if start[:4] in (b"RIFF", b"RF64"):
        file.seek(0)
        return _opened_wav(file, where)
    if start[:4] == b"caff":
        return _opened_caf(file)
    if start[:4] == b".snd" and (rewritten := _au_without_size(file)) is not None:
        return OpenedFile(rewritten)
    return OpenedFile(file, ogg_truncation(file) if start[:4] == b"OggS" else None)


def _opened_wav(file: BinaryIO, where: object) -> OpenedFile:
    header = read_header(file, where=where)
    if header is None or header.frame_bytes == 0 or header.sample_rate_hz == 0:
        return OpenedFile(file)
    start = file.tell()
    present = os.fstat(file.fileno()).st_size - start
    declared = present if header.data_bytes is None else header.data_bytes
    frames = min(declared, present) // header.frame_bytes
    check_format(header.sample_rate_hz, header.channels, frames, where)
    truncation = None
    if declared - present > SIZE_TOLERANCE_BYTES:
        truncation = cut_short((declared - present) / _bytes_per_s(header))
    if header.zero_size and (present == 0 or _is_chunk(file, present)):
        return OpenedFile(file)
    if header.zero_size or not header.regular:
        length = min(declared, present)
        file = RewrittenFile(file, canonical_header(header.form, length), start, length)  # type: ignore[assignment]
    return OpenedFile(file, truncation)


def _bytes_per_s(header: WavHeader) -> float:
    if header.encoding == "other":
        return float(header.bytes_per_s or header.frame_bytes * header.sample_rate_hz)
    return float(header.frame_bytes * header.sample_rate_hz)


def _is_chunk(file: BinaryIO, present: int) -> bool:
    """Return whether the bytes after a sound chunk of size 0 are another chunk, so that the file has no samples."""
    head = file.read(8)
    if len(head) < 8 or not all(32 <= letter < 127 for letter in head[:4]):
        return False
    return int(struct.unpack("<I", head[4:])[0]) <= present - 8


def _au_without_size(file: BinaryIO) -> RewrittenFile | None:
    """Return an AU of size 0 with the size that stands for an unknown one; None if it has a size or no samples."""
    file.seek(0)
    head = file.read(24)
    present = os.fstat(file.fileno()).st_size - 12
    if len(head) < 24 or head[8:12] != bytes(4) or present <= 12:
        return None
    return RewrittenFile(file, head[:8] + b"\xff\xff\xff\xff", 12, present)


def _opened_caf(file: BinaryIO) -> OpenedFile:
    """Correct the size of the sound chunk of a CAF: -1 is allowed, and libsndfile refuses one that is too large."""
    size_of_file = os.fstat(file.fileno()).st_size
    description, position = b"", 8
    while True:
        file.seek(position)
        head = file.read(12)
        if len(head) < 12:
            return OpenedFile(file)
        name, size = head[:4], int(struct.unpack(">q", head[4:])[0])
        if name == b"data":
            break
        if not 0 <= size <= _MAX_CAF_CHUNK_BYTES:
            return OpenedFile(file)
        if name == b"desc":
            description = file.read(size)
        position += 12 + size
    present = size_of_file - position - 12
    if size != _CAF_UNKNOWN and size <= present:
        return OpenedFile(file)
    file.seek(0)
    header = file.read(position) + b"data" + struct.pack(">q", present)
    truncation = None
    if size - present > SIZE_TOLERANCE_BYTES and (bytes_per_s := _caf_bytes_per_s(description)) > 0:
        truncation = cut_short((size - present) / bytes_per_s)
    return OpenedFile(RewrittenFile(file, header, position + 12, present), truncation)


def _caf_bytes_per_s(description: bytes) -> float:
    """Return the bytes of a second of PCM from the audio description of a CAF; 0 for other encodings."""
    if len(description) < 32:
        return 0.0
    rate_hz, _, _, packet_bytes, packet_frames, _, _ = struct.unpack(">d4sIIIII", description[:32])
    return float(rate_hz * packet_bytes / packet_frames) if packet_bytes and packet_frames else 0.0
