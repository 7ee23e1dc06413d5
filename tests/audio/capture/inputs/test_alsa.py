"""Card lists are read as Linux writes them, and a name matches exactly one input."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anomaly.audio.capture.inputs.alsa import card_inputs, definition, parse_hardware, pulse_definition
from support.sound_card import make_card_list

CARDS = """ 0 [PCH            ]: HDA-Intel - HDA Intel PCH
                      HDA Intel PCH at 0xf7d10000 irq 32
 1 [Mic            ]: USB-Audio - USB Mic
                      Maker USB Mic at usb-0000:00:14.0-1, full speed
10 [Mic_1          ]: USB-Audio - USB Mic
                      Maker USB Mic at usb-0000:00:14.0-2, full speed
"""
PCM = """00-00: ALC269VC Analog : ALC269VC Analog : playback 1 : capture 1
00-03: HDMI 0 : HDMI 0 : playback 1
01-00: USB Audio : USB Audio : capture 1
10-00: USB Audio : USB Audio : capture 1
10-02: USB Audio #2 : USB Audio #2 : capture 1
"""
STREAM = """Maker USB Mic at usb-0000:00:14.0-1, full speed : USB Audio

Playback:
  Interface 2
    Channels: 8
    Rates: 96000

Capture:
  Status: Stop
  Interface 1
    Altset 1
    Format: S16_LE
    Channels: 1
    Rates: 48000, 16000
  Interface 1
    Altset 2
    Channels: 2
    Rates: 44100
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_card_list(tmp_path, CARDS, PCM)
    (tmp_path / "proc/asound/card1").mkdir()
    (tmp_path / "proc/asound/card1/stream0").write_text(STREAM)
    return tmp_path


def test_capture_devices_are_listed_with_stable_names(root: Path) -> None:
    names = [found.name for found in card_inputs(root)]
    assert names == ["hw:CARD=PCH,DEV=0", "hw:CARD=Mic,DEV=0", "hw:CARD=Mic_1,DEV=0", "hw:CARD=Mic_1,DEV=2"]
    assert card_inputs(root)[1].card_name == "USB Mic"


def test_usb_cards_report_their_rates_and_channels(root: Path) -> None:
    assert card_inputs(root)[1].rates_hz == (16_000, 44_100, 48_000)
    assert card_inputs(root)[1].channels == 2
    assert card_inputs(root)[0].rates_hz == ()


def test_the_environment_moves_the_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANOMALY_ASOUND_ROOT", str(root))
    assert len(card_inputs()) == 4


def test_no_cards(tmp_path: Path) -> None:
    assert card_inputs(tmp_path) == []
    make_card_list(tmp_path, "--- no soundcards ---\n", "")
    assert card_inputs(tmp_path) == []


def test_a_busy_device_names_its_owner(root: Path) -> None:
    status = root / "proc/asound/card1/pcm0c/sub0/status"
    status.parent.mkdir(parents=True)
    status.write_text("closed\n")
    assert card_inputs(root)[1].problem is None
    status.write_text(f"state: RUNNING\nowner_pid   : {os.getpid()}\n")
    assert f"(process {os.getpid()})" in str(card_inputs(root)[1].problem)


def test_a_missing_device_file_is_reported(root: Path) -> None:
    (root / "dev/snd/pcmC10D2c").unlink()
    assert "pcmC10D2c is missing" in str(card_inputs(root)[3].problem)


@pytest.mark.parametrize(
    ("name", "card", "device"),
    [
        ("hw:1", "1", 0),
        ("hw:10,2", "10", 2),
        ("plughw:1,0", "1", 0),
        ("hw:CARD=Mic", "Mic", 0),
        ("hw:CARD=Mic_1,DEV=2", "Mic_1", 2),
        ("plughw:CARD=Mic,DEV=0,SUBDEV=1", "Mic", 0),
        ("hw:Mic,0", "Mic", 0),
        ("hw:DEV=2,CARD=Mic_1", "Mic_1", 2),
    ],
)
def test_hardware_names(name: str, card: str, device: int) -> None:
    parsed = parse_hardware(name)
    assert parsed is not None
    assert (parsed.card, parsed.device) == (card, device)


@pytest.mark.parametrize("name", ["default", "hw", "hw:", "hw:0,x", "pulse", "dsnoop:0", "xhw:0"])
def test_other_names(name: str) -> None:
    assert parse_hardware(name) is None


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("hw:1", [1]),
        ("hw:10", [2]),
        ("hw:10,2", [3]),
        ("hw:CARD=Mic", [1]),
        ("hw:CARD=Mic_1", [2]),
        ("hw:CARD=Mi", []),
        ("hw:2", []),
        ("hw:01", [1]),
        ("hw:1,1", []),
    ],
)
def test_a_name_matches_exactly_one_input(name: str, numbers: list[int], root: Path) -> None:
    parsed = parse_hardware(name)
    assert parsed is not None
    assert [number for number, found in enumerate(card_inputs(root)) if parsed.matches(found)] == numbers


def test_definitions_quote_names() -> None:
    assert definition("hw:0") == 'type empty slave.pcm "hw:0"'
    assert pulse_definition('a" } \\') == 'type pulse device "a\\" } \\\\"'
