"""Capture process: opens one device through PortAudio, or one stream through ffmpeg, and writes blocks to a pipe.

Started by `anomaly.audio.capture.worker_process` as ``python -m anomaly.audio.capture.worker``. Standard output is the
pipe (frames of `anomaly.audio.capture.wire_format`), and the end of standard input means that the parent has gone.
PortAudio freezes its list of devices at start, and may hang on an unplugged one: a process of its own can be ended
and started again. It does not import numpy.

PortAudio hides many ALSA names and gives cards names of its own, so the device is defined as one more name in an ALSA
configuration that is loaded after the system's, and that name is opened.
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

from anomaly.audio.capture import ffmpeg, portaudio
from anomaly.audio.capture.block_schedule import BLOCK_S, BlockSchedule
from anomaly.audio.capture.wire_format import Failure, RawBlock, StreamStart, pack
from anomaly.errors import DeviceError

PCM_NAME = "anomaly_capture"
# A block that is later than this by the computer's clock counts as a loss of samples.
_LATE_S = 0.25
# PortAudio wakes at every period (10 ms) while it waits; so only the last two periods of a block are waited for.
_WAIT_S = 0.02


def main() -> int:
    """List inputs, or capture from one until stdin ends or the device is lost."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--alsa", help="definition of an ALSA pcm, without its name")
    parser.add_argument("--portaudio", help="exact name of a PortAudio device")
    parser.add_argument("--ffmpeg", help="address of a stream")
    parser.add_argument("--rate-hz", type=int, action="append", help="rates to try, in this order")
    parser.add_argument("--channel", type=int, help="the highest channel used, so that enough are opened")
    parser.add_argument("--channels", type=int, help="number that the device is known to have")
    parser.add_argument("--block-s", type=float, default=BLOCK_S)
    chosen = parser.parse_args()
    if chosen.list:
        return _list()
    try:
        if chosen.ffmpeg is not None:
            _stream(chosen)
        else:
            _capture(chosen)
    except DeviceError as error:
        _send(pack(Failure(error.message, error.hint)))
        return error.exit_code
    except BrokenPipeError:
        return 0
    return 0


def _list() -> int:
    try:
        with portaudio.discarded_stderr():
            found = portaudio.inputs(portaudio.load())
    except DeviceError as error:
        json.dump({"error": error.message, "hint": error.hint}, sys.stdout)
        return error.exit_code
    json.dump({"inputs": found}, sys.stdout)
    return 0


def _stream(chosen: argparse.Namespace) -> None:
    process = ffmpeg.start(chosen.ffmpeg)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    ffmpeg.copy(process, chosen.ffmpeg, chosen.block_s, _send)


def _capture(chosen: argparse.Namespace) -> None:
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    if chosen.alsa is not None:
        _define_alsa(chosen.alsa)
    stream, start = _open(chosen)
    # ALSA's messages from here on would fill a pipe that nobody reads.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    _send(pack(start))
    try:
        copy(stream, start.sample_rate_hz, chosen.block_s, _send)
    except Exception as error:
        if type(error).__name__ != "PortAudioError":
            raise
        raise DeviceError(f"was lost ({portaudio.error_text(error)})") from error


def _define_alsa(definition: str) -> None:
    """Add the device to ALSA's configuration, in memory, so that a kill leaves no file behind."""
    system = os.environ.get("ALSA_CONFIG_PATH") or os.path.join(
        os.environ.get("ALSA_CONFIG_DIR", "/usr/share/alsa"), "alsa.conf"
    )
    memory = os.memfd_create("anomaly-alsa")
    os.write(memory, f"pcm.{PCM_NAME} {{ {definition} }}\n".encode())
    os.environ["ALSA_CONFIG_PATH"] = f"{system}:/proc/self/fd/{memory}"


def _open(chosen: argparse.Namespace) -> tuple[Any, StreamStart]:
    name = PCM_NAME if chosen.alsa is not None else chosen.portaudio
    with portaudio.discarded_stderr():
        library = portaudio.load()
        found = [device for device in portaudio.inputs(library) if device["name"] == name]
        if not found:
            reason = portaudio.alsa_error(name) if chosen.alsa is not None else None
            raise DeviceError(f"cannot be opened ({reason or 'there is no such input'})")
        channels = portaudio.channels_to_open(found[0], chosen.channel, chosen.channels)
        stream = portaudio.open_input(library, found[0], chosen.rate_hz, channels)
    return stream, StreamStart(round(stream.samplerate), channels, name)


def copy(stream: Any, rate_hz: int, block_s: float, send: Callable[[bytes], None]) -> None:
    """Read blocks and send them until the device fails.

    The position counts samples, so that setting the clock is no gap. After an overflow, or when the samples come a
    quarter of a second later than they should, it jumps by the number of lost samples.
    """
    schedule = BlockSchedule(rate_hz, block_s)
    position = number = 0
    ended_s: float | None = None
    while True:
        frames = schedule.next_frames()
        _sleep(stream, frames / rate_hz)
        data, overflowed = stream.read(frames)
        waiting_s = stream.read_available / rate_hz
        before_s, ended_s = ended_s, time.monotonic() - waiting_s
        late_s = 0.0 if before_s is None else ended_s - before_s - frames / rate_hz
        lost = overflowed or late_s > _LATE_S
        if lost:
            position += max(0, round(late_s * rate_hz))
            schedule.begin(frames)
        utc = time.time() - waiting_s - frames / rate_hz
        send(pack(RawBlock(number, position, utc, lost, bytes(data))))
        position += frames
        number += 1


def _sleep(stream: Any, block_s: float) -> None:
    """Sleep until most of a block is there, but never so long that a shallow buffer could overflow."""
    missing_s = block_s - stream.read_available / stream.samplerate
    sleep_s = min(missing_s - _WAIT_S, stream.latency / 2)
    if sleep_s > 0:
        time.sleep(sleep_s)


def _send(frame: bytes) -> None:
    view = memoryview(frame)
    while view:
        view = view[os.write(1, view) :]


def _exit_with_parent() -> None:
    """End this process when the parent closes its end of standard input, or dies, even if PortAudio hangs."""
    while os.read(0, 1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
