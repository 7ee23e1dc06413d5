"""Identity of a USB sound card: vendor, product, serial number and port.

Card numbers and names (``Mic``, ``Mic_1``) depend on the order of plugging in; these do not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PREFIX = "usb:"
_NAME = re.compile(r"^usb:([0-9a-fA-F]{4}):([0-9a-fA-F]{4})(?::([^@,]+))?(?:@([^,]+))?(?:,(\d+))?$")


@dataclass(frozen=True)
class UsbIdentity:
    """One USB sound card.

    Args:
        vendor: four hexadecimal digits, lower case.
        product: likewise.
        serial: as the device reports it; None where it has none.
        path: the port it is plugged into, such as ``1-1.2``; None where it is not known.
    """

    vendor: str
    product: str
    serial: str | None = None
    path: str | None = None

    @property
    def name(self) -> str:
        """Argument of ``--device``: with the serial number, else with the port."""
        suffix = f":{self.serial}" if self.serial else f"@{self.path}" if self.path else ""
        return f"{PREFIX}{self.vendor}:{self.product}{suffix}"


@dataclass(frozen=True)
class UsbName:
    """Parts of a USB name as written by a user; None where the name does not hold the part."""

    vendor: str
    product: str
    serial: str | None
    path: str | None
    device: int

    def matches(self, found: UsbIdentity | None, device: int) -> bool:
        """Return whether every part of the name is that of the input."""
        return (
            found is not None
            and (self.vendor, self.product, self.device) == (found.vendor, found.product, device)
            and self.serial in (None, found.serial)
            and self.path in (None, found.path)
        )


def parse_usb(name: str) -> UsbName | None:
    """Parse ``usb:VENDOR:PRODUCT[:SERIAL][@PORT][,DEVICE]``; None for any other name."""
    match = _NAME.match(name)
    if match is None:
        return None
    vendor, product, serial, path, device = match.groups()
    return UsbName(vendor.lower(), product.lower(), serial, path, int(device or 0))


def usb_identity(base: Path, card: int) -> UsbIdentity | None:
    """Read the identity of a card from ``/sys``, else from ``/proc/asound``; None if it is no USB card.

    Args:
        base: the root of both.
        card: number of the card.
    """
    interface = base / f"sys/class/sound/card{card}/device"
    if interface.exists():
        # The card hangs on an interface of the device, a folder inside that of the device itself.
        device = interface.resolve().parent
        vendor, product = _content(device / "idVendor"), _content(device / "idProduct")
        if vendor and product:
            return UsbIdentity(vendor.lower(), product.lower(), _serial(device), device.name)
    vendor, _, product = _content(base / f"proc/asound/card{card}/usbid").partition(":")
    return UsbIdentity(vendor.lower(), product.lower()) if vendor and product else None


def _serial(device: Path) -> str | None:
    serial = _content(device / "serial")
    # A serial number that would be parsed as another part of the name is not used.
    return serial if serial and serial.isprintable() and not set(serial) & set("@, ") else None


def _content(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
