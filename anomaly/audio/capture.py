"""The capture process: one device, opened through PortAudio, written block by block to a pipe.

Run by ``anomaly.audio.microphone`` as ``python -m anomaly.audio.capture``; stdout is the pipe
(frames of ``anomaly.audio.wire``), and the end of stdin means that the parent has gone. PortAudio
freezes its list of devices at start, and may hang on an unplugged one: a process of its own can be
thrown away. It imports no numpy.

PortAudio hides many ALSA names and gives cards names of its own, so the device is defined as one
more name in an ALSA configuration that is loaded after the system's, and that name is opened.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from anomaly.audio import portaudio
from anomaly.audio.wire import Failure, RawBlock, Start, pack
from anomaly.errors import DeviceError

PCM_NAME = "anomaly_capture"


def main() -> int:
    """List inputs, or capture from one until stdin ends or the device is lost."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--alsa", help="definition of an ALSA pcm, without its name")
    parser.add_argument("--portaudio", help="exact name of a PortAudio device")
    parser.add_argument("--rate-hz", type=int)
    parser.add_argument("--channel", type=int, help="the channel wanted, so that enough are opened")
    parser.add_argument("--block-s", type=float, default=0.1)
    chosen = parser.parse_args()
    if chosen.list:
        return _list()
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        _capture(chosen)
    except DeviceError as error:
        _send(pack(Failure(error.message, error.hint)))
        return error.exit_code
    except BrokenPipeError:
        return 0
    return 0


def _list() -> int:
    try:
        with portaudio.quiet():
            found = portaudio.inputs(portaudio.load())
    except DeviceError as error:
        json.dump({"error": error.message, "hint": error.hint}, sys.stdout)
        return error.exit_code
    json.dump({"inputs": found}, sys.stdout)
    return 0


def _capture(chosen: argparse.Namespace) -> None:
    if chosen.alsa is not None:
        _define_alsa(chosen.alsa)
    stream, start = _open(chosen)
    # What ALSA has to say from here on would fill a pipe that nobody reads.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    _send(pack(start))
    try:
        copy(stream, start.sample_rate_hz, max(1, round(chosen.block_s * start.sample_rate_hz)), _send)
    except Exception as error:
        if type(error).__name__ != "PortAudioError":
            raise
        raise DeviceError(f"was lost ({portaudio.reason(error)})") from error


def _define_alsa(definition: str) -> None:
    """Add the device to ALSA's configuration, in memory, so that nothing is left behind by a kill."""
    system = os.environ.get("ALSA_CONFIG_PATH") or os.path.join(
        os.environ.get("ALSA_CONFIG_DIR", "/usr/share/alsa"), "alsa.conf"
    )
    memory = os.memfd_create("anomaly-alsa")
    os.write(memory, f"pcm.{PCM_NAME} {{ {definition} }}\n".encode())
    os.environ["ALSA_CONFIG_PATH"] = f"{system}:/proc/self/fd/{memory}"


def _open(chosen: argparse.Namespace) -> tuple[Any, Start]:
    name = PCM_NAME if chosen.alsa is not None else chosen.portaudio
    with portaudio.quiet():
        library = portaudio.load()
        found = [device for device in portaudio.inputs(library) if device["name"] == name]
        if not found:
            words = portaudio.alsa_reason(name) if chosen.alsa is not None else None
            raise DeviceError(f"cannot be opened ({words or 'there is no such input'})")
        channels = portaudio.channels_to_open(found[0], chosen.channel)
        stream = portaudio.open_input(library, found[0], chosen.rate_hz, channels)
    return stream, Start(round(stream.samplerate), channels, name)


def copy(stream: Any, rate_hz: int, frames: int, send: Callable[[bytes], None]) -> None:
    """Read blocks of ``frames`` and send them, for ever.

    After an overflow the position jumps by what the clock says was lost.
    """
    position = 0
    number = 0
    expected_s: float | None = None
    while True:
        data, overflowed = stream.read(frames)
        waiting_s = stream.read_available / rate_hz
        ended_s = time.monotonic() - waiting_s
        if overflowed and expected_s is not None:
            position += max(0, round((ended_s - expected_s) * rate_hz) - frames)
        expected_s = ended_s
        utc = time.time() - waiting_s - frames / rate_hz
        send(pack(RawBlock(number, position, utc, overflowed, bytes(data))))
        position += frames
        number += 1


def _send(frame: bytes) -> None:
    view = memoryview(frame)
    while view:
        view = view[os.write(1, view) :]


def _leave_with_parent() -> None:
    """End this process when the parent closes its end of stdin, or dies, whatever PortAudio is doing."""
    while os.read(0, 1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
