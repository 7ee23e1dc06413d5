"""Whether an input is there at all, asked so cheaply that it can be asked twice a second."""

from __future__ import annotations

import shutil

from anomaly.audio import alsa, usb
from anomaly.audio.devices import Target, pulse_sources


def is_present(target: Target) -> bool | None:
    """Whether the input is plugged in, or its sound server offers it; None where only opening it tells.

    Args:
        target: as it was resolved when it was last there.
    """
    hardware, usb_name = alsa.parse_hardware(target.device), usb.parse_usb(target.device)
    if hardware is not None or usb_name is not None:
        if not alsa.lists_cards():
            return None
        cards = alsa.card_inputs()
        if hardware is not None:
            return any(hardware.means(card) for card in cards)
        return any(usb_name.means(card.usb, card.device) for card in cards if usb_name is not None)
    if target.pulse_source is not None and shutil.which("pactl") is not None:
        return any(source.id == f"pulse:{target.pulse_source}" for source in pulse_sources())
    return None
