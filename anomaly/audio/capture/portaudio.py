"""PortAudio inside the capture process: listing inputs and opening one at the device's own rate.

It does not import numpy: blocks stay bytes until they reach the parent process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anomaly.errors import DeviceError

APT_LINE = "sudo apt-get install -y libportaudio2 libasound2-plugins"
# Ordered by how many microphones run at the rate; 48 kHz is a multiple of 16 kHz.
RATES_HZ = (48_000, 44_100, 16_000, 32_000, 96_000, 192_000, 22_050, 8_000)
# Sound servers and plugins offer more (32 to 128), which are copies of a few.
MAX_CHANNELS = 16
# A deep buffer outlasts a busy machine; divided into short periods, it does not delay the blocks.
_BUFFER_S = 1.0
_PERIOD_S = 0.01


def load() -> Any:
    """Import sounddevice, which starts PortAudio and freezes its list of devices.

    Raises:
        DeviceError: PortAudio is not installed, or does not start.
    """
    try:
        import sounddevice
    except OSError as error:
        raise DeviceError(f"PortAudio cannot be used ({error})", hint=f"install it: {APT_LINE}") from error
    except Exception as error:
        if type(error).__name__ != "PortAudioError":
            raise
        raise DeviceError(f"PortAudio does not start ({error_text(error)})") from error
    _set_alsa_periods(sounddevice)
    return sounddevice


def _set_alsa_periods(sounddevice: Any) -> None:
    """Request many short ALSA periods: by default there are four, and a quarter of the buffer comes at once."""
    import ctypes

    set_periods = getattr(ctypes.CDLL(sounddevice._libname), "PaAlsa_SetNumPeriods", None)
    if set_periods is not None:
        set_periods(round(_BUFFER_S / _PERIOD_S))


def inputs(sounddevice: Any) -> list[dict[str, Any]]:
    """Return all inputs that PortAudio knows: name, host API, index, channels, default rate."""
    hosts = [host["name"] for host in sounddevice.query_hostapis()]
    return [
        {
            "name": device["name"],
            "host": hosts[device["hostapi"]],
            "index": device["index"],
            "channels": device["max_input_channels"],
            "rate_hz": round(device["default_samplerate"]),
        }
        for device in sounddevice.query_devices()
        if device["max_input_channels"] > 0
    ]


def open_input(sounddevice: Any, found: dict[str, Any], rates_hz: list[int] | None, channels: int) -> Any:
    """Open and start an input at the first rate that it accepts.

    Args:
        sounddevice: the module, as returned by `load`.
        found: one entry of `inputs`.
        rates_hz: the rates to try, in this order; default: ``RATES_HZ``, then PortAudio's default.
        channels: number to capture.

    Raises:
        DeviceError: it is busy, gone, or takes none of the rates.
    """
    rates_hz = rates_hz or [*RATES_HZ, found["rate_hz"]]
    reason = ""
    for candidate_hz in dict.fromkeys(rates_hz):
        try:
            stream = sounddevice.RawInputStream(
                device=found["index"],
                samplerate=candidate_hz,
                channels=channels,
                dtype="float32",
                blocksize=round(candidate_hz * _PERIOD_S),
                latency=_BUFFER_S,
            )
            stream.start()
            return stream
        except sounddevice.PortAudioError as error:
            reason = error_text(error)
    tried = ", ".join(str(rate) for rate in dict.fromkeys(rates_hz))
    raise DeviceError(f"cannot be opened at {tried} Hz ({reason})")


def rates_to_try(known_hz: tuple[int, ...]) -> list[int]:
    """Order the rates that a card reports, the most usual first; [] where it reports none."""
    return [hz for hz in RATES_HZ if hz in known_hz] + [hz for hz in known_hz if hz not in RATES_HZ]


def channels_to_open(found: dict[str, Any], channel: int | None, known: int | None = None) -> int:
    """Return the number of channels to capture: all of a card, and no more than needed of a virtual device.

    Sound servers and plugins offer 32 and more channels, most of them copies.

    Args:
        found: one entry of `inputs`.
        channel: the highest channel that is used, counted from 0; None for the mean.
        known: number of channels that the source has; None where unknown.
    """
    offered = int(found["channels"])
    if offered <= MAX_CHANNELS:
        return offered
    return min(offered, max(1 if known == 1 else 2, (channel or 0) + 1))


@contextmanager
def discarded_stderr() -> Iterator[None]:
    """Discard what ALSA, Jack and Pulse write to stderr, which would appear on the terminal."""
    stderr, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)


def alsa_error(pcm: str) -> str | None:
    """Return ALSA's reason why it cannot open a name ("Device or resource busy"), or None if it can.

    PortAudio leaves out of its list what it cannot open, without a reason.
    """
    import ctypes

    try:
        library = ctypes.CDLL("libasound.so.2")
    except OSError:
        return None
    library.snd_strerror.restype = ctypes.c_char_p
    handle = ctypes.c_void_p()
    capture, nonblocking = 1, 1
    code = library.snd_pcm_open(ctypes.byref(handle), pcm.encode(), capture, nonblocking)
    if code < 0:
        return str(library.snd_strerror(code).decode())
    library.snd_pcm_close(handle)
    return None


def error_text(error: Exception) -> str:
    """Return PortAudio's message without the error codes of three libraries around it."""
    message = str(error.args[0]) if error.args else str(error)
    return message.split(": ", 1)[-1].split(" [PaErrorCode", 1)[0]
