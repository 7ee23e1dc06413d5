"""Reader of formats that only ffmpeg decodes, such as M4A and FLAC in Ogg: the fallback where it is installed.

ffmpeg reads one file with the demuxer of its first bytes, so that no playlist leads it to another file or address.
"""

from __future__ import annotations

import os
import selectors
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from anomaly.audio.channels import Samples
from anomaly.audio.files.audio_format import MAX_HOURS, AudioFormat, Truncation, check_format
from anomaly.audio.files.wav_header import read_header
from anomaly.errors import InputError

APT_LINE = "sudo apt-get install -y ffmpeg"
# Position and bytes of the signature, ffmpeg's demuxer, and the container's name.
_SIGNATURES = (
    (4, b"ftyp", "mov", "M4A"),
    (4, b"moov", "mov", "M4A"),
    (4, b"mdat", "mov", "M4A"),
    (4, b"wide", "mov", "M4A"),
    (0, b"OggS", "ogg", "OGG"),
    (0, b"RIFF", "wav", "WAV"),
    (0, b"RF64", "wav", "RF64"),
    (0, b"riff", "w64", "W64"),
    (0, b"caff", "caf", "CAF"),
    (0, b"fLaC", "flac", "FLAC"),
    (0, b"FORM", "aiff", "AIFF"),
    (0, b"wvpk", "wv", "WavPack"),
    (0, b"#!AMR", "amr", "AMR"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf", "WMA"),
    (0, b"\x1a\x45\xdf\xa3", "matroska", "Matroska"),
    (0, b"\xff\xf1", "aac", "AAC"),
    (0, b"\xff\xf9", "aac", "AAC"),
)
# ffmpeg decodes a day in minutes; a file that keeps it busy for a minute without a sample is damaged.
_WAIT_S = 60.0
_MAX_ALLOCATION_BYTES = 256 * 2**20


def container_of(start: bytes) -> tuple[str, str] | None:
    """Return ffmpeg's demuxer and the container's name for the first bytes of a file, or None."""
    for position, signature, demuxer, container in _SIGNATURES:
        if start[position : position + len(signature)] == signature:
            return demuxer, container
    return None


def is_installed() -> bool:
    """Return whether ffmpeg is installed."""
    return shutil.which("ffmpeg") is not None


class FfmpegReader:
    """Blocks of one file, decoded by an ffmpeg process.

    Args:
        path: the file.
        demuxer: ffmpeg's name of the container.
        container: name for people.
        truncation: evidence from the file itself that it is not complete.

    Raises:
        InputError: ffmpeg finds no sound, or a header is implausible.
    """

    def __init__(self, path: Path, demuxer: str, container: str, truncation: Truncation | None) -> None:
        self._path, self.truncation = path, truncation
        # In a file, so that no amount of messages stops ffmpeg.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
        self._process = subprocess.Popen(
            _command(path, demuxer),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
        )
        self._pipe = cast(BinaryIO, self._process.stdout)
        self._rest, self._done, self._ended = b"", 0, False
        try:
            self.format = self._read_format(container)
        except BaseException:
            self.close()
            raise

    def read(self, frames: int) -> Samples:
        """Return up to ``frames`` samples, float32 [n, channels]; none at the end."""
        channels = self.format.channels
        wanted = frames * 4 * channels
        parts, count = [self._rest], len(self._rest)
        while count < wanted and not self._ended:
            part = self._available(wanted - count)
            parts.append(part)
            count += len(part)
        data = b"".join(parts)
        whole = len(data) - len(data) % (4 * channels)
        self._rest = data[whole:]
        block = np.frombuffer(data[:whole], "<f4").reshape(-1, channels)
        self._done += len(block)
        if len(block) == 0:
            self._judge_end()
        return block

    def close(self) -> None:
        """End ffmpeg."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._pipe.close()
        self._errors.close()

    def _read_format(self, container: str) -> AudioFormat:
        try:
            header = read_header(cast(BinaryIO, _Waiting(self)), where=self._path)
        except InputError:
            header = None
        if header is None:
            raise InputError(f"is not a recording that can be read ({self._message()})", where=self._path)
        check_format(header.sample_rate_hz, header.channels, None, self._path)
        return AudioFormat(header.sample_rate_hz, header.channels, None, container, "ffmpeg")

    def _available(self, count: int) -> bytes:
        """Read what has arrived; nothing at the end, or when ffmpeg is stuck."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._pipe, selectors.EVENT_READ)
            ready = selector.select(_WAIT_S)
        if not ready:
            self._process.kill()
        part = os.read(self._pipe.fileno(), count) if ready else b""
        self._ended = self._ended or not part
        return part

    def _judge_end(self) -> None:
        code = self._process.wait()
        self._errors.seek(0, os.SEEK_END)
        if self.truncation is None and (code != 0 or self._errors.tell() > 0):
            at_s = self._done / self.format.sample_rate_hz
            self.truncation = Truncation(
                f"is damaged or cut short: {at_s:.2f} s were read ({self._message()})"
            )

    def _message(self) -> str:
        """Return ffmpeg's last message without the file's name."""
        self._process.wait()
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors.read(100_000).decode(errors="replace").splitlines()]
        lines = [line for line in lines if line]
        last = lines[-1] if lines else f"exit code {self._process.returncode}"
        return last.replace(f"file:{self._path}: ", "").rstrip(".").lower()


class _Waiting:
    """The output of ffmpeg as a file for `read_header`."""

    def __init__(self, reader: FfmpegReader) -> None:
        self._reader = reader

    def read(self, count: int) -> bytes:
        """Return up to ``count`` bytes."""
        return self._reader._available(count)


def _command(path: Path, demuxer: str) -> list[str | bytes]:
    program = shutil.which("ffmpeg")
    if program is None:
        raise InputError(
            "is a recording that only ffmpeg can read, which is not installed", where=path, hint=APT_LINE
        )
    limits = ["-nostdin", "-hide_banner", "-loglevel", "error", "-max_alloc", str(_MAX_ALLOCATION_BYTES)]
    source = ["-protocol_whitelist", "file,pipe", "-f", demuxer, "-i"]
    # One second more than is allowed, so that a longer file is refused and not cut.
    output = ["-map", "0:a:0", "-t", str(MAX_HOURS * 3600 + 1), "-c:a", "pcm_f32le", "-f", "wav", "-"]
    return [program, *limits, *source, b"file:" + os.fsencode(path.absolute()), *output]
