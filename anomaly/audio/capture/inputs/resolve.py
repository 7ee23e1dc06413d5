"""Resolution of a ``--device``: names are matched whole, by this program instead of PortAudio."""

from __future__ import annotations

from anomaly.audio.capture.inputs import alsa, usb
from anomaly.audio.capture.inputs.input_device import Target
from anomaly.audio.capture.inputs.listing import inputs_hint, list_inputs
from anomaly.audio.capture.inputs.portaudio_inputs import portaudio_inputs
from anomaly.audio.capture.inputs.pulse import pulse_sources
from anomaly.errors import DeviceError


def resolve(device: str) -> Target:
    """Find the input of a name.

    It may be a number of ``anomaly devices``, ``hw:N[,M]``, ``hw:CARD=id[,DEV=M]``, ``plughw:...``,
    ``usb:VENDOR:PRODUCT[:SERIAL][@PORT]``, a Pulse source (``pulse:NAME`` or its plain name), any name
    of the ALSA configuration, or the full name of a PortAudio device. Nothing is matched by its
    beginning: ``hw:1`` is never ``hw:10``.

    Raises:
        DeviceError: there is no such input; the hint lists those there are.
    """
    if not device or not device.isprintable():
        raise DeviceError("a device needs a name", hint=inputs_hint())
    if device.isascii() and device.isdigit():
        return _numbered(int(device))
    hardware = alsa.parse_hardware(device)
    if hardware is not None:
        return _hardware(device, hardware)
    if device.startswith(usb.PREFIX):
        return _usb(device)
    if device.startswith("pulse:"):
        return _pulse(device, device.removeprefix("pulse:"))
    if any(source.id == f"pulse:{device}" for source in pulse_sources()):
        return _pulse(device, device)
    return _named(device)


def card_problem(target: Target) -> str | None:
    """Return why the card of a target cannot be used now: no permission, busy and by whom, a wrong rate.

    None where nothing is known against it, and for anything but a card.
    """
    hardware, usb_name = alsa.parse_hardware(target.device), usb.parse_usb(target.device)
    if hardware is None and usb_name is None:
        return None
    for card in alsa.card_inputs():
        matches = hardware.matches(card) if hardware is not None else False
        if matches or (usb_name is not None and usb_name.matches(card.usb, card.device)):
            return card.problem
    return None


def _numbered(number: int) -> Target:
    found = list_inputs()
    if number >= len(found):
        raise DeviceError("there is no input of that number", where=number, hint=inputs_hint())
    return resolve(found[number].id)


def _hardware(device: str, name: alsa.HardwareName) -> Target:
    cards = alsa.card_inputs()
    matches = [card for card in cards if name.matches(card)]
    if cards and not matches:
        raise DeviceError("there is no such card or device", where=device, hint=inputs_hint())
    # Without any list of cards (a container without /proc/asound) ALSA itself decides.
    if not matches:
        return Target(device, f"{device} (ALSA device)", alsa_definition=alsa.definition(device))
    return _card(device, matches[0], alsa.definition(device))


def _usb(device: str) -> Target:
    name = usb.parse_usb(device)
    if name is None:
        message = "is no USB name: usb:VENDOR:PRODUCT, then :SERIAL or @PORT where there are several"
        raise DeviceError(message, where=device, hint=inputs_hint())
    matches = [card for card in alsa.card_inputs() if name.matches(card.usb, card.device)]
    if not matches:
        raise DeviceError("no such USB microphone is plugged in", where=device, hint=inputs_hint())
    if len(matches) > 1:
        names = ", ".join(f"{card.stable_name} (port {card.usb and card.usb.path})" for card in matches)
        raise DeviceError(f"means {len(matches)} microphones", where=device, hint=f"say which: {names}")
    return _card(device, matches[0], alsa.definition(matches[0].name))


def _card(device: str, card: alsa.CardInput, definition: str) -> Target:
    description = f"{device} (card {card.card}, {card.card_name}, {card.device_name})"
    return Target(device, description, alsa_definition=definition, rates_hz=card.rates_hz)


def _pulse(device: str, source: str) -> Target:
    channels = next((one.channels for one in pulse_sources() if one.id == f"pulse:{source}"), None)
    return Target(
        device,
        f"Pulse source {source}",
        alsa_definition=alsa.pulse_definition(source),
        pulse_source=source,
        channels=channels,
    )


def _named(device: str) -> Target:
    for entry in portaudio_inputs():
        if entry.name != device:
            continue
        hardware = None if entry.card is None else alsa.parse_hardware(entry.card)
        if entry.card is not None and hardware is not None:
            return _hardware(entry.card, hardware)
        if entry.host != "ALSA":
            return Target(device, f"{device} ({entry.host})", portaudio_name=device)
    # PortAudio hides many ALSA names that can be opened; if this one cannot, ALSA reports it.
    return Target(device, f"{device} (ALSA name)", alsa_definition=alsa.definition(device))
