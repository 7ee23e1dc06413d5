"""Names of USB microphones do not depend on the order of plugging in."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly.audio.capture.inputs.alsa import card_inputs
from anomaly.audio.capture.inputs.resolve import resolve
from anomaly.audio.capture.inputs.usb import UsbIdentity, parse_usb, usb_identity
from anomaly.errors import DeviceError
from support.sound_card import make_card_list, plug_usb

CARDS = """ 0 [PCH            ]: HDA-Intel - HDA Intel PCH
                      HDA Intel PCH at 0xf7d10000 irq 32
 1 [Mic            ]: USB-Audio - USB Mic
                      Maker USB Mic at usb-0000:00:14.0-1, full speed
10 [Mic_1          ]: USB-Audio - USB Mic
                      Maker USB Mic at usb-0000:00:14.0-2, full speed
"""
PCM = """00-00: Analog : Analog : capture 1
01-00: USB Audio : USB Audio : capture 1
10-00: USB Audio : USB Audio : capture 1
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_card_list(tmp_path, CARDS, PCM)
    monkeypatch.setenv("ANOMALY_ASOUND_ROOT", str(tmp_path))
    return tmp_path


def test_a_card_is_named_by_its_serial_number(root: Path) -> None:
    plug_usb(root, 1, "0D8C:0014", "1-1.2", serial="A77")
    plug_usb(root, 10, "0d8c:0014", "1-1.3", serial="B88")
    assert usb_identity(root, 1) == UsbIdentity("0d8c", "0014", "A77", "1-1.2")
    names = [card.stable_name for card in card_inputs()]
    assert names == ["hw:CARD=PCH,DEV=0", "usb:0d8c:0014:A77", "usb:0d8c:0014:B88"]
    target = resolve("usb:0d8c:0014:B88")
    assert "hw:CARD=Mic_1,DEV=0" in str(target.alsa_definition)
    assert "card 10" in target.description


def test_without_a_serial_number_it_is_named_by_its_port(root: Path) -> None:
    plug_usb(root, 1, "0d8c:0014", "1-1.2")
    plug_usb(root, 10, "0d8c:0014", "1-1.3")
    assert [card.stable_name for card in card_inputs()][1:] == ["usb:0d8c:0014@1-1.2", "usb:0d8c:0014@1-1.3"]
    assert "card 1," in resolve("usb:0d8c:0014@1-1.2").description
    with pytest.raises(DeviceError, match="means 2 microphones") as caught:
        resolve("usb:0d8c:0014")
    assert "usb:0d8c:0014@1-1.3" in str(caught.value.hint)


def test_two_with_one_serial_number_are_named_by_their_ports(root: Path) -> None:
    plug_usb(root, 1, "0d8c:0014", "1-1.2", serial="1")
    plug_usb(root, 10, "0d8c:0014", "1-1.3", serial="1")
    assert [card.name_at_port for card in card_inputs()][1:] == [
        "usb:0d8c:0014:1@1-1.2",
        "usb:0d8c:0014:1@1-1.3",
    ]
    assert "card 10" in resolve("usb:0d8c:0014:1@1-1.3").description


def test_a_card_keeps_its_name_when_it_is_plugged_in_again(root: Path) -> None:
    plug_usb(root, 1, "0d8c:0014", "1-1.2", serial="A77")
    first = resolve("usb:0d8c:0014:A77")
    (root / "sys/class/sound/card1/device").unlink()
    plug_usb(root, 10, "0d8c:0014", "2-3", serial="A77")
    again = resolve("usb:0d8c:0014:A77")
    assert ("card 1," in first.description, "card 10" in again.description) == (True, True)


def test_without_sys_vendor_and_product_come_from_the_card_list(root: Path) -> None:
    (root / "proc/asound/card1").mkdir()
    (root / "proc/asound/card1/usbid").write_text("0d8c:0014\n")
    assert usb_identity(root, 1) == UsbIdentity("0d8c", "0014")
    assert usb_identity(root, 0) is None


@pytest.mark.parametrize("name", ["usb:", "usb:0d8c", "usb:0d8c:001", "usb:xxxx:0014", "usb:0d8c:0014:a,b"])
def test_other_names_are_no_usb_name(name: str, root: Path) -> None:
    assert parse_usb(name) is None
    with pytest.raises(DeviceError, match="is no USB name"):
        resolve(name)


@pytest.mark.usefixtures("root")
def test_an_absent_microphone_is_an_error() -> None:
    with pytest.raises(DeviceError, match="no such USB microphone") as caught:
        resolve("usb:1234:5678")
    assert caught.value.exit_code == 6
