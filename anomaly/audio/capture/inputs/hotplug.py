"""Presence of an input, read from the system's lists without opening it, cheaply enough for twice a second."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

from anomaly.audio.capture.child_process import set_parent_death_signal
from anomaly.audio.capture.inputs import alsa, usb
from anomaly.audio.capture.inputs.input_device import Target
from anomaly.audio.capture.inputs.pulse import LIST_SOURCES, lists_source, pulse_sources

# Listing takes 3 ms of a processor (measured): seldom is enough where the server reports changes by itself.
_LIST_INTERVAL_S, _LIST_INTERVAL_SUBSCRIBED_S = 3.0, 30.0
_SUBSCRIBE = ["pactl", "subscribe"]
# "Event 'remove' on source #1", but not "on source-output #7", which is another client of the source.
_SOURCE_EVENT, _EVENT_BYTES = b" on source #", 4096


def is_present(target: Target) -> bool | None:
    """Return whether the input is plugged in, or offered by its sound server; None where only opening it shows that.

    Args:
        target: as it was resolved when it was last there.
    """
    hardware, usb_name = alsa.parse_hardware(target.device), usb.parse_usb(target.device)
    if hardware is not None or usb_name is not None:
        if not alsa.lists_cards():
            return None
        cards = alsa.card_inputs()
        if hardware is not None:
            return any(hardware.matches(card) for card in cards)
        return any(usb_name.matches(card.usb, card.device) for card in cards if usb_name is not None)
    if target.pulse_source is not None and shutil.which("pactl") is not None:
        return any(source.id == f"pulse:{target.pulse_source}" for source in pulse_sources())
    return None


class HotplugMonitor:
    """Detects, without waiting, that a sound server no longer offers a source.

    A server that loses a source moves its clients to another microphone and reports that only to subscribers. So
    the sources are listed after each event on a source, or at intervals where subscribing is not possible.

    Args:
        target: the captured input; only a source of a sound server is monitored.
    """

    def __init__(self, target: Target) -> None:
        self._source = target.pulse_source if shutil.which("pactl") is not None else None
        self._listing: subprocess.Popen[bytes] | None = None
        self._subscription = None if self._source is None else _pactl(_SUBSCRIBE)
        if self._subscription is not None and self._subscription.stdout is not None:
            os.set_blocking(self._subscription.stdout.fileno(), False)
        # A change before the subscription took effect is found by listing once.
        self._next_listing_s = time.monotonic() + _LIST_INTERVAL_S

    def is_gone(self) -> bool:
        """Return whether the last list did not hold the source; to be called with every block."""
        if self._source is None:
            return False
        if self._listing is not None:
            return self._listing.poll() is not None and self._is_missing(self._listing)
        if self._has_event() or time.monotonic() >= self._next_listing_s:
            interval_s = _LIST_INTERVAL_S if self._subscription is None else _LIST_INTERVAL_SUBSCRIBED_S
            self._next_listing_s = time.monotonic() + interval_s
            self._listing = _pactl(LIST_SOURCES)
        return False

    def close(self) -> None:
        """End the listing and the subscription."""
        for process in (self._listing, self._subscription):
            if process is not None:
                process.kill()
                process.communicate()
        self._listing = self._subscription = None

    def _has_event(self) -> bool:
        """Return whether the server has reported an event on a source since the last call."""
        if self._subscription is None or self._subscription.stdout is None:
            return False
        try:
            events = os.read(self._subscription.stdout.fileno(), _EVENT_BYTES)
        except BlockingIOError:
            return False
        if not events:
            # The server has gone, or its pactl cannot subscribe: from now on sources are listed at intervals.
            self._subscription.communicate()
            self._subscription = None
        return not events or _SOURCE_EVENT in events or len(events) == _EVENT_BYTES

    def _is_missing(self, listing: subprocess.Popen[bytes]) -> bool:
        output, _ = listing.communicate()
        self._listing = None
        # A server that does not answer ends the capture in another way: its blocks do not come.
        return listing.returncode == 0 and not lists_source(
            output.decode(errors="replace"), str(self._source)
        )


def _pactl(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env={**os.environ, "LC_ALL": "C"},
        process_group=0,
        preexec_fn=set_parent_death_signal(),
    )
