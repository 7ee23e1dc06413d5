"""Sound from a pipe, as blocks at 16 kHz: a WAV while it is written, or raw 16-bit samples."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from anomaly.audio.channels import Channel, Samples, to_mono
from anomaly.audio.files.audio_format import check_format, check_numbers
from anomaly.audio.files.recordings import cut
from anomaly.audio.files.wav_header import WavHeader, read_header
from anomaly.audio.resample import StreamResampler
from anomaly.errors import InputError

STDIN = "-"
_PIECE_BYTES = 65_536
# A pipe may go on longer than any placeholder for its length: from 2 GiB it is read until it ends.
_UNKNOWN_FROM_BYTES = 0x7FFF_0000
_HINT = "send a WAV, such as `ffmpeg -i INPUT -f wav - | anomaly monitor --source -`"


@dataclass(frozen=True)
class RawFormat:
    """Raw little-endian 16-bit samples, channels interleaved, as ``arecord -t raw`` sends them."""

    sample_rate_hz: int
    channels: int = 1


def stream_blocks(
    file: BinaryIO, *, block_s: float = 0.1, channel: Channel = "mean", raw: RawFormat | None = None
) -> Iterator[Samples]:
    """Yield float32 blocks of ``block_s`` seconds at 16 kHz as soon as they have arrived.

    Joined, they are the samples that `anomaly.audio.files.recordings.read_16k` gives for the same WAV. A WAV whose
    header gives no length, or one of 2 GiB and more, is read until the pipe ends.

    Args:
        file: an unbuffered binary stream, such as ``open(0, "rb", buffering=0)``.
        block_s: length of a block; the last may be shorter.
        channel: a number counted from 0, or "mean".
        raw: the format of the samples where they come without a header.

    Raises:
        InputError: no WAV and no raw format, an implausible header, an encoding that is neither PCM
            nor float, NaN or infinity, or a pipe that ends before the length in its header.
    """
    where = getattr(file, "name", None)
    where = "stdin" if where in (0, "<stdin>") else where
    header = _raw_header(raw) if raw is not None else read_header(file, where=where)
    if header is None:
        raise InputError("is no WAV", where=where, hint=_HINT)
    check_format(header.sample_rate_hz, header.channels, None, where)
    if header.frame_bytes != header.channels * (header.bits // 8) or header.bits < 8:
        raise InputError("is a WAV whose frame size does not fit its channels and bits", where=where)
    yield from cut(_resampled(file, header, channel, where), block_s)


def _raw_header(raw: RawFormat) -> WavHeader:
    return WavHeader(raw.sample_rate_hz, raw.channels, 16, "pcm", 2 * raw.channels, None)


def _resampled(file: BinaryIO, header: WavHeader, channel: Channel, where: object) -> Iterator[Samples]:
    resampler = StreamResampler(header.sample_rate_hz)
    frames = 0
    for piece in _frames(file, header, where):
        x = _decoded(piece, header, where)
        check_numbers(x, frames / header.sample_rate_hz, header.sample_rate_hz, where)
        frames += len(x)
        yield resampler.push(to_mono(x, channel, where=where))
    if frames == 0:
        raise InputError("holds no samples", where=where)
    yield resampler.finish()


def _frames(file: BinaryIO, header: WavHeader, where: object) -> Iterator[bytes]:
    """Yield whole frames as they arrive, up to the length in the header."""
    known = header.data_bytes is not None and header.data_bytes < _UNKNOWN_FROM_BYTES
    left = header.data_bytes if known else None
    rest = b""
    while left is None or left > 0:
        piece = _available(file, _PIECE_BYTES if left is None else min(left, _PIECE_BYTES))
        if not piece:
            break
        left = None if left is None else left - len(piece)
        rest += piece
        whole = len(rest) - len(rest) % header.frame_bytes
        if whole:
            yield rest[:whole]
        rest = rest[whole:]
    if left is not None and left >= header.frame_bytes:
        missing_s = left / header.frame_bytes / header.sample_rate_hz
        raise InputError(f"ended {missing_s:.2f} s before the length in its header", where=where)


def _available(file: BinaryIO, count: int) -> bytes:
    """Read the bytes that have arrived, at least one, without waiting for ``count``."""
    try:
        return os.read(file.fileno(), count)
    except OSError:
        return file.read(count)  # a file in memory has no descriptor


def _decoded(piece: bytes, header: WavHeader, where: object) -> Samples:
    """Decode bytes of whole frames to float32 [n, channels] in [-1, 1]."""
    x: Samples
    kind = (header.encoding, header.bits)
    if kind == ("pcm", 8):
        x = (np.frombuffer(piece, np.uint8).astype(np.float32) - np.float32(128)) / np.float32(128)
    elif kind == ("pcm", 16):
        x = np.frombuffer(piece, "<i2").astype(np.float32) / np.float32(2**15)
    elif kind == ("pcm", 24):
        triples = np.frombuffer(piece, np.uint8).reshape(-1, 3)
        quads = np.zeros((len(triples), 4), np.uint8)
        quads[:, 1:] = triples
        x = (quads.view("<i4")[:, 0] / 2**31).astype(np.float32)
    elif kind == ("pcm", 32):
        x = (np.frombuffer(piece, "<i4") / 2**31).astype(np.float32)
    elif kind in (("float", 32), ("float", 64)):
        x = np.frombuffer(piece, f"<f{header.bits // 8}").astype(np.float32)
    else:
        raise InputError(
            f"is a WAV with an encoding that cannot be read from a pipe {kind}", where=where, hint=_HINT
        )
    return x.reshape(-1, header.channels)
