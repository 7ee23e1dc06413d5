"""Streams that ffmpeg can read, such as ``rtsp://``, inside the capture process.

ffmpeg decodes to a WAV of float32 at the stream's own rate and channels; the rest is as for a microphone.
It is killed with the capture process, whatever it waits for.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import BinaryIO, cast

from anomaly.audio.capture.child_process import set_parent_death_signal
from anomaly.audio.capture.wire_format import RawBlock, StreamStart, pack
from anomaly.audio.files.wav_header import WavHeader, read_header
from anomaly.errors import DeviceError, InputError

APT_LINE = "sudo apt-get install -y ffmpeg"
_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]+:", re.IGNORECASE)
_USER = re.compile(r"(?<=://)[^/@]*@")


def is_address(source: str) -> bool:
    """Return whether a ``--source`` is the address of a stream and no file: it begins with a scheme (RFC 3986)."""
    return _ADDRESS.match(source) is not None


def without_credentials(address: str) -> str:
    """Return an address without user name and password, so that it may be printed and stored."""
    return _USER.sub("", address)


def start(address: str) -> subprocess.Popen[bytes]:
    """Start ffmpeg on an address; its standard output is a WAV.

    Raises:
        DeviceError: ffmpeg is not installed.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise DeviceError("a stream needs ffmpeg, which is not installed", hint=f"install it: {APT_LINE}")
    options = ["-nostdin", "-hide_banner", "-loglevel", "error"]
    if address.lower().startswith("rtsp:"):
        options += ["-rtsp_transport", "tcp"]
    output = ["-map", "0:a:0", "-c:a", "pcm_f32le", "-flush_packets", "1", "-f", "wav", "-"]
    return subprocess.Popen(
        [program, *options, "-i", address, *output],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=set_parent_death_signal(),
    )


def copy(
    process: subprocess.Popen[bytes], address: str, block_s: float, send: Callable[[bytes], None]
) -> None:
    """Send what ffmpeg decodes until the stream ends.

    Raises:
        DeviceError: it ended, or there never was any sound; with ffmpeg's message.
    """
    pipe = cast(BinaryIO, process.stdout)
    errors = _ErrorReader(process, address)
    try:
        header = read_header(pipe, where=without_credentials(address))
    except InputError:
        header = None
    if header is None:
        hint = "check the address, and that the other side sends sound now"
        raise DeviceError(f"cannot be opened ({errors.last()})", hint=hint)
    send(pack(StreamStart(header.sample_rate_hz, header.channels, without_credentials(address))))
    _copy_blocks(pipe, header, block_s, send)
    raise DeviceError(f"the stream ended ({errors.last()})")


def _copy_blocks(pipe: BinaryIO, header: WavHeader, block_s: float, send: Callable[[bytes], None]) -> None:
    position = number = 0
    block_bytes = max(1, round(block_s * header.sample_rate_hz)) * header.frame_bytes
    rest = b""
    # read1 returns what has arrived without waiting for a whole block: the stream sets the pace.
    while piece := pipe.read1(block_bytes - len(rest)):  # type: ignore[attr-defined]
        rest += piece
        whole = len(rest) - len(rest) % header.frame_bytes
        if whole:
            frames = whole // header.frame_bytes
            utc = time.time() - frames / header.sample_rate_hz
            send(pack(RawBlock(number, position, utc, False, rest[:whole])))
            position, number, rest = position + frames, number + 1, rest[whole:]


class _ErrorReader:
    """Reads ffmpeg's error output, so that it never waits for a reader; the last line is kept."""

    def __init__(self, process: subprocess.Popen[bytes], address: str) -> None:
        self._process, self._address = process, address
        self._lines: deque[bytes] = deque(maxlen=1)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def last(self) -> str:
        """Return the reason why ffmpeg ended, without the password in the address."""
        code = self._process.wait()
        self._reader.join()
        message = self._lines[0].decode(errors="replace").strip() if self._lines else f"exit code {code}"
        return message.replace(self._address, without_credentials(self._address))

    def _read(self) -> None:
        self._lines.extend(line for line in self._process.stderr or [] if line.strip())
