"""Whether an input is there at all, asked so cheaply that it can be asked twice a second."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

from anomaly.audio import alsa, usb
from anomaly.audio.devices import LIST_SOURCES, Target, has_source, pulse_sources

# Three milliseconds of a processor each time.
_ASK_EVERY_S = 3.0


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


class Lookout:
    """Asks now and then, without waiting for the answer, whether a sound server still offers a source.

    A server that loses a source moves those who listen to it to another microphone, without a word.

    Args:
        target: what is listened to; anything but a source is always there.
    """

    def __init__(self, target: Target) -> None:
        self._source = target.pulse_source if shutil.which("pactl") is not None else None
        self._asking: subprocess.Popen[str] | None = None
        self._asked_s = time.monotonic()

    def is_gone(self) -> bool:
        """Whether the last answer was that the source is not there; to be called with every block."""
        if self._source is None:
            return False
        if self._asking is not None:
            return self._asking.poll() is not None and self._answer(self._asking)
        if time.monotonic() - self._asked_s >= _ASK_EVERY_S:
            self._asked_s = time.monotonic()
            self._asking = subprocess.Popen(
                LIST_SOURCES,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, "LC_ALL": "C"},
            )
        return False

    def close(self) -> None:
        """Leave no question behind."""
        if self._asking is not None:
            self._asking.kill()
            self._asking.communicate()
            self._asking = None

    def _answer(self, asking: subprocess.Popen[str]) -> bool:
        listed, _ = asking.communicate()
        self._asking = None
        # A server that does not answer tells its listeners in another way.
        return asking.returncode == 0 and not has_source(listed, str(self._source))
