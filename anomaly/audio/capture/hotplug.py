"""Whether an input is there at all, asked so cheaply that it can be asked twice a second."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

from anomaly.audio.capture import alsa, usb
from anomaly.audio.capture.child_process import set_parent_death_signal
from anomaly.audio.capture.devices import LIST_SOURCES, Target, has_source, pulse_sources

# Three milliseconds of a processor each time: rarely, where the server tells of changes by itself.
_ASK_EVERY_S, _ASK_ANYWAY_S = 3.0, 30.0
_SUBSCRIBE = ["pactl", "subscribe"]
# "Event 'remove' on source #1", but not "on source-output #7": who else listens is no news.
_OF_A_SOURCE, _NEWS_BYTES = b" on source #", 4096


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


class HotplugMonitor:
    """Notices, without waiting for an answer, that a sound server no longer offers a source.

    A server that loses a source moves those who listen to it to another microphone, without a word. It tells those
    who subscribe, though, and is asked only after it has told something of its sources, or now and then where nobody
    can subscribe.

    Args:
        target: what is listened to; anything but a source is always there.
    """

    def __init__(self, target: Target) -> None:
        self._source = target.pulse_source if shutil.which("pactl") is not None else None
        self._asking: subprocess.Popen[bytes] | None = None
        self._news = None if self._source is None else _pactl(_SUBSCRIBE)
        if self._news is not None and self._news.stdout is not None:
            os.set_blocking(self._news.stdout.fileno(), False)
        # What changed before the subscription was heard is found by asking once.
        self._ask_s = time.monotonic() + _ASK_EVERY_S

    def is_gone(self) -> bool:
        """Whether the last answer was that the source is not there; to be called with every block."""
        if self._source is None:
            return False
        if self._asking is not None:
            return self._asking.poll() is not None and self._answer(self._asking)
        if self._has_news() or time.monotonic() >= self._ask_s:
            self._ask_s = time.monotonic() + (_ASK_EVERY_S if self._news is None else _ASK_ANYWAY_S)
            self._asking = _pactl(LIST_SOURCES)
        return False

    def close(self) -> None:
        """Leave no question behind, and no subscription."""
        for process in (self._asking, self._news):
            if process is not None:
                process.kill()
                process.communicate()
        self._asking = self._news = None

    def _has_news(self) -> bool:
        """Whether the server has told of a source since the last call."""
        if self._news is None or self._news.stdout is None:
            return False
        try:
            told = os.read(self._news.stdout.fileno(), _NEWS_BYTES)
        except BlockingIOError:
            return False
        if not told:
            # The server has gone, or its pactl cannot subscribe: from now on it is asked.
            self._news.communicate()
            self._news = None
        return not told or _OF_A_SOURCE in told or len(told) == _NEWS_BYTES

    def _answer(self, asking: subprocess.Popen[bytes]) -> bool:
        listed, _ = asking.communicate()
        self._asking = None
        # A server that does not answer tells its listeners in another way.
        return asking.returncode == 0 and not has_source(listed.decode(errors="replace"), str(self._source))


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
