"""Sound cards as Linux lists them, and ALSA's names for them, such as ``hw:CARD=pump,DEV=0``.

``ANOMALY_ASOUND_ROOT`` moves the root of ``/proc/asound`` and ``/dev/snd``, for tests and containers.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from anomaly.audio.capture.inputs.device_owner import device_owner
from anomaly.audio.capture.inputs.usb import UsbIdentity, usb_identity

_CARD = re.compile(r"^ *(\d+) \[(\S+) *\]: (.*)$")
_PCM = re.compile(r"^(\d+)-(\d+): ([^:]*):")
_HARDWARE = re.compile(r"^(?:plug)?hw:(.+)$")
# Below the lower, half the rate leaves out most of the mel bands; above the higher, the resampler is not tested.
_MIN_RATE_HZ, _MAX_RATE_HZ = 8_000, 384_000


@dataclass(frozen=True)
class CardInput:
    """One capture device of a card.

    Args:
        card: number of the card.
        card_id: short name of the card, as in ``hw:CARD=pump``.
        card_name: description of the card.
        device: number of the device on the card.
        device_name: its description.
        rates_hz: known rates; () where the card does not report them.
        channels: the most it offers; None where the card does not report them.
        problem: reason why it cannot be used at the moment; None where nothing is known against it.
        usb: identity of a USB card.
    """

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
        """Name under which ALSA opens the input, such as hw:1,0."""
        return f"hw:CARD={self.card_id},DEV={self.device}"

    @property
    def stable_name(self) -> str:
        """Name that does not depend on other devices and the order of plugging in."""
        if self.usb is None:
            return self.name
        return self.usb.name + self._suffix

    @property
    def name_at_port(self) -> str:
        """Name that also differs between two devices with the same serial number."""
        if self.usb is None or self.usb.path is None:
            return self.name
        serial = f":{self.usb.serial}" if self.usb.serial else ""
        return f"usb:{self.usb.vendor}:{self.usb.product}{serial}@{self.usb.path}{self._suffix}"

    @property
    def _suffix(self) -> str:
        return f",{self.device}" if self.device else ""


@dataclass(frozen=True)
class HardwareName:
    """Card and device of an ALSA hardware name; the card by number or identifier."""

    card: str
    device: int

    def matches(self, found: CardInput) -> bool:
        """Return whether the name is exactly that input's: card 1 is never card 10."""
        is_card = int(self.card) == found.card if self.card.isdigit() else self.card == found.card_id
        return is_card and self.device == found.device


def parse_hardware(name: str) -> HardwareName | None:
    """Parse ``hw:N[,M]``, ``hw:CARD=id[,DEV=M]`` or the same with ``plughw:``; None for any other name."""
    match = _HARDWARE.match(name)
    if match is None:
        return None
    fields = {"CARD": "", "DEV": "0"}
    for key, part in zip(("CARD", "DEV", "SUBDEV"), match[1].split(","), strict=False):
        label, _, value = part.strip().rpartition("=")
        fields[label or key] = value
    if not fields["CARD"] or not fields["DEV"].isdigit():
        return None
    return HardwareName(fields["CARD"], int(fields["DEV"]))


def card_inputs(root: Path | None = None) -> list[CardInput]:
    """Return the capture devices of all cards, in the order of their numbers."""
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
            name = match[3].strip()
            found.append(CardInput(card, *names[card], device, name, rates_hz, channels, problem, usb))
    return found


def lists_cards() -> bool:
    """Return whether this system lists its cards, even if there is none; a container may not."""
    return (_root() / "proc/asound/cards").exists()


def definition(name: str) -> str:
    """Return the body of an ALSA configuration entry that passes everything on to ``name``."""
    return f"type empty slave.pcm {_quoted(name)}"


def pulse_definition(source: str) -> str:
    """Return the body of an ALSA configuration entry that captures one Pulse source."""
    return f"type pulse device {_quoted(source)}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _usb_formats(path: Path) -> tuple[tuple[int, ...], int | None]:
    """Return the rates, and the most channels, of the capture half of a USB card's description."""
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
    owner = device_owner(status, node)
    return None if owner is None else f"busy: used by {owner[1]} (process {owner[0]})"


def _rate_problem(rates_hz: tuple[int, ...]) -> str | None:
    if not rates_hz or any(_MIN_RATE_HZ <= rate_hz <= _MAX_RATE_HZ for rate_hz in rates_hz):
        return None
    known = ", ".join(str(rate_hz) for rate_hz in rates_hz)
    return f"wrong rate: it takes {known} Hz, and {_MIN_RATE_HZ} to {_MAX_RATE_HZ} Hz can be used"


def _root() -> Path:
    return Path(os.environ.get("ANOMALY_ASOUND_ROOT", "/"))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []
