"""Sound cards as Linux lists them, and what an ALSA name such as ``hw:CARD=pump,DEV=0`` means.

``ANOMALY_ASOUND_ROOT`` moves the root of ``/proc/asound`` and ``/dev/snd``, for tests and containers.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from anomaly.audio.capture.device_owner import device_owner
from anomaly.audio.capture.usb import UsbIdentity, usb_identity

_CARD = re.compile(r"^ *(\d+) \[(\S+) *\]: (.*)$")
_PCM = re.compile(r"^(\d+)-(\d+): ([^:]*):")
_HARDWARE = re.compile(r"^(?:plug)?hw:(.+)$")
# Slower than this no recording is taken either; faster, no resampler was tried.
_LEAST_HZ, _MOST_HZ = 8_000, 384_000


@dataclass(frozen=True)
class CardInput:
    """One capture device of a card, with why it cannot be used (None where nothing is known against it)."""

    card: int
    card_id: str
    card_name: str
    device: int
    device_name: str
    rates_hz: tuple[int, ...]
    channels: int | None
    problem: str | None
    usb: UsbIdentity | None = None

    @property
    def name(self) -> str:
        """The name by which ALSA opens it."""
        return f"hw:CARD={self.card_id},DEV={self.device}"

    @property
    def stable_name(self) -> str:
        """The name that stays with the microphone whatever else is plugged in, and in whatever order."""
        if self.usb is None:
            return self.name
        return self.usb.name + self._end

    @property
    def name_at_port(self) -> str:
        """The name that also tells two with the same serial number apart."""
        if self.usb is None or self.usb.path is None:
            return self.name
        serial = f":{self.usb.serial}" if self.usb.serial else ""
        return f"usb:{self.usb.vendor}:{self.usb.product}{serial}@{self.usb.path}{self._end}"

    @property
    def _end(self) -> str:
        return f",{self.device}" if self.device else ""


@dataclass(frozen=True)
class HardwareName:
    """The card and device that an ALSA hardware name asks for; the card by number or identifier."""

    card: str
    device: int

    def means(self, found: CardInput) -> bool:
        """Whether this is that input, exactly: card 1 is never card 10."""
        is_card = int(self.card) == found.card if self.card.isdigit() else self.card == found.card_id
        return is_card and self.device == found.device


def parse_hardware(name: str) -> HardwareName | None:
    """Read ``hw:N[,M]``, ``hw:CARD=id[,DEV=M]`` or the same with ``plughw:``; None if it is neither."""
    match = _HARDWARE.match(name)
    if match is None:
        return None
    fields = {"CARD": "", "DEV": "0"}
    for key, part in zip(("CARD", "DEV", "SUBDEV"), match[1].split(","), strict=False):
        given, _, value = part.strip().rpartition("=")
        fields[given or key] = value
    if not fields["CARD"] or not fields["DEV"].isdigit():
        return None
    return HardwareName(fields["CARD"], int(fields["DEV"]))


def card_inputs(root: Path | None = None) -> list[CardInput]:
    """All capture devices of all cards, in the order of their numbers; empty where there are none."""
    base = root or _root()
    asound = base / "proc/asound"
    cards = [match for line in _lines(asound / "cards") if (match := _CARD.match(line))]
    names = {int(match[1]): (match[2], match[3].split(" - ")[-1]) for match in cards}
    found = []
    for line in _lines(asound / "pcm"):
        match = _PCM.match(line)
        if match and "capture" in line and int(match[1]) in names:
            card, device = int(match[1]), int(match[2])
            rates_hz, channels = _usb_formats(asound / f"card{card}" / f"stream{device}")
            problem = _problem(base, card, device) or _rate_problem(rates_hz)
            usb = usb_identity(base, card)
            words = match[3].strip()
            found.append(CardInput(card, *names[card], device, words, rates_hz, channels, problem, usb))
    return found


def lists_cards() -> bool:
    """Whether this system lists its cards, even if there is none; a container may not."""
    return (_root() / "proc/asound/cards").exists()


def definition(name: str) -> str:
    """The body of an ALSA configuration entry that passes everything on to ``name``."""
    return f"type empty slave.pcm {_quoted(name)}"


def pulse_definition(source: str) -> str:
    """The body of an ALSA configuration entry that captures one Pulse source."""
    return f"type pulse device {_quoted(source)}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _usb_formats(path: Path) -> tuple[tuple[int, ...], int | None]:
    """Rates and most channels of the capture half of a USB card's description."""
    text = "\n".join(_lines(path)).partition("Capture:")[2].partition("Playback:")[0]
    rates_hz = {int(rate) for line in re.findall(r"Rates: ([\d, ]+)", text) for rate in line.split(", ")}
    channels = [int(count) for count in re.findall(r"Channels: (\d+)", text)]
    return tuple(sorted(rates_hz)), max(channels, default=None)


def _problem(base: Path, card: int, device: int) -> str | None:
    node = base / f"dev/snd/pcmC{card}D{device}c"
    if not node.exists():
        return f"{node} is missing (in a container: pass /dev/snd in)"
    if not os.access(node, os.R_OK | os.W_OK):
        return f"no permission for {node}: add yourself to the group audio and log in again"
    status = "\n".join(_lines(base / f"proc/asound/card{card}/pcm{device}c/sub0/status"))
    held = device_owner(status, node)
    return None if held is None else f"busy: used by {held[1]} (process {held[0]})"


def _rate_problem(rates_hz: tuple[int, ...]) -> str | None:
    if not rates_hz or any(_LEAST_HZ <= rate_hz <= _MOST_HZ for rate_hz in rates_hz):
        return None
    known = ", ".join(str(rate_hz) for rate_hz in rates_hz)
    return f"wrong rate: it takes {known} Hz, and {_LEAST_HZ} to {_MOST_HZ} Hz can be used"


def _root() -> Path:
    return Path(os.environ.get("ANOMALY_ASOUND_ROOT", "/"))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []
