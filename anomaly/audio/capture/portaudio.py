"""PortAudio, as the capture process sees it: loaded quietly, asked exactly, opened at the device's own rate.

Nothing here imports numpy: blocks stay bytes until they reach the parent.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anomaly.errors import DeviceError

APT_LINE = "sudo apt-get install -y libportaudio2 libasound2-plugins"
# The rates a microphone is likely to run at itself come first; 48 kHz is three times ours.
RATES_HZ = (48_000, 44_100, 16_000, 32_000, 96_000, 192_000, 22_050, 8_000)
MAX_CHANNELS = 16
# A deep buffer rides out a busy machine; cut into short periods, it does not delay the blocks.
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
        raise DeviceError(f"PortAudio does not start ({reason(error)})") from error
    _cut_buffer_into_periods(sounddevice)
    return sounddevice


def _cut_buffer_into_periods(sounddevice: Any) -> None:
    """Ask for many short ALSA periods: by default there are four, and a quarter of the buffer comes at once."""
    import ctypes

    set_periods = getattr(ctypes.CDLL(sounddevice._libname), "PaAlsa_SetNumPeriods", None)
    if set_periods is not None:
        set_periods(round(_BUFFER_S / _PERIOD_S))


def inputs(sounddevice: Any) -> list[dict[str, Any]]:
    """All inputs PortAudio knows: name, host API, index, channels, default rate."""
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


def open_input(sounddevice: Any, found: dict[str, Any], wanted_hz: list[int] | None, channels: int) -> Any:
    """Open and start an input at the first rate that it accepts, of those wanted or else of the likely ones.

    Raises:
        DeviceError: it is busy, gone, or takes none of the rates.
    """
    rates_hz = wanted_hz or [*RATES_HZ, found["rate_hz"]]
    words = ""
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
            words = reason(error)
    tried = ", ".join(str(rate) for rate in dict.fromkeys(rates_hz))
    raise DeviceError(f"cannot be opened at {tried} Hz ({words})")


def likely(known_hz: tuple[int, ...]) -> list[int]:
    """The rates to try on a card that says which it takes, the likeliest first; [] where it does not say."""
    return [hz for hz in RATES_HZ if hz in known_hz] + [hz for hz in known_hz if hz not in RATES_HZ]


def channels_to_open(found: dict[str, Any], channel: int | None, known: int | None = None) -> int:
    """How many channels to capture: all of a card, and no more than needed of a device that makes them up.

    Sound servers and plugins offer 32 and more channels, most of them copies; one that is known to have a single
    one need not copy it.
    """
    offered = int(found["channels"])
    if offered <= MAX_CHANNELS:
        return offered
    return min(offered, max(1 if known == 1 else 2, (channel or 0) + 1))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what ALSA, Jack and Pulse write to stderr off the terminal."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def alsa_reason(pcm: str) -> str | None:
    """Why ALSA itself cannot open a name ("Device or resource busy"), or None if it can.

    PortAudio leaves out of its list what it cannot open, and does not say why.
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


def reason(error: Exception) -> str:
    """PortAudio's own words, without the codes of three libraries around them."""
    words = str(error.args[0]) if error.args else str(error)
    return words.split(": ", 1)[-1].split(" [PaErrorCode", 1)[0]
