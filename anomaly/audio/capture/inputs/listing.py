"""List of all inputs: cards, sources of a sound server, and names of the ALSA configuration."""

from __future__ import annotations

from anomaly.audio.capture.inputs.alsa import CardInput, card_inputs
from anomaly.audio.capture.inputs.input_device import InputDevice
from anomaly.audio.capture.inputs.portaudio_inputs import PortAudioInput, portaudio_inputs
from anomaly.audio.capture.inputs.pulse import pulse_sources
from anomaly.errors import DeviceError

# Converters that ALSA's configuration lists beside the inputs; each of them ends at `default` anyway.
_CONVERTERS = {
    "lavrate",
    "samplerate",
    "speexrate",
    "speex",
    "upmix",
    "vdownmix",
    "a52",
    "jack",
    "oss",
    "usbstream",
}
# A name that offers so many channels makes them up; the number is not shown then.
_MADE_UP_CHANNELS = 32


def list_inputs() -> list[InputDevice]:
    """Return all inputs, cards first.

    Raises:
        DeviceError: PortAudio is not installed.
    """
    known = portaudio_inputs()
    return [*_cards(card_inputs()), *pulse_sources(), *_other_names(known)]


def inputs_hint() -> str:
    """Return one line that lists the inputs, for the hint of an error."""
    try:
        found = list_inputs()
    except DeviceError as error:
        return error.hint or error.message
    if not found:
        return "inputs here: none; plug in a microphone, or start a sound server"
    return "inputs here: " + ", ".join(entry.id for entry in found) + " (`anomaly devices` says more)"


def _cards(cards: list[CardInput]) -> list[InputDevice]:
    """Cards by the name that stays with them; with their port where two have the same."""
    names = [card.stable_name for card in cards]
    return [
        InputDevice(
            card.stable_name if names.count(card.stable_name) == 1 else card.name_at_port,
            f"{card.card_name}, {card.device_name}",
            card.rates_hz,
            card.channels,
            card.problem,
            card.name,
        )
        for card in cards
    ]


def _other_names(known: list[PortAudioInput]) -> list[InputDevice]:
    found = []
    for entry in known:
        if entry.host == "ALSA" and (entry.name in _CONVERTERS or entry.card is not None):
            continue
        label = "ALSA name" if entry.host == "ALSA" else entry.host
        channels = None if entry.channels >= _MADE_UP_CHANNELS else entry.channels
        found.append(InputDevice(entry.name, label, (), channels))
    return found
