"""Sound inputs for tests: a PulseAudio server, a simulated sound card, and none.

Each fixture also sets the environment of the test process, so that commands started by the test see the same inputs:

* ``pulse_microphone``: a Pulse source called ``mic``.
* ``fake_card``: the same behind an ALSA configuration that makes it ``hw:0``, with a card list.
* ``no_inputs``: no card, no server.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lib.monitor.sound_server import PLAY_RATE_HZ, SOURCE, SoundServer

APT_LINE = "sudo apt-get install -y pulseaudio pulseaudio-utils libasound2-plugins libportaudio2"

CARDS = """ 0 [pump           ]: USB-Audio - Pump microphone
                      Maker Pump microphone at usb-0000:00:14.0-1, full speed
"""
PCM = "00-00: USB Audio : USB Audio : capture 1\n"

HARDWARE = """
pcm.!{name} {{
    @args [ CARD DEV SUBDEV ]
    @args.CARD {{ type string default "0" }}
    @args.DEV {{ type integer default 0 }}
    @args.SUBDEV {{ type integer default -1 }}
    type pulse
    device "{source}"
}}
"""


def tone(frequency_hz: float, seconds: float = 1.0, level: float = 0.3) -> np.ndarray:
    """Sine for `SoundServer.play`; whole periods repeat without a click."""
    return (
        level * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * PLAY_RATE_HZ)) / PLAY_RATE_HZ)
    ).astype(np.float32)


def strongest_hz(samples: np.ndarray, rate_hz: int = 16_000) -> float:
    """Frequency of the largest line in the spectrum."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate_hz / len(samples))


@pytest.fixture
def pulse_microphone(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SoundServer]:
    """Running server whose source ``mic`` receives the played sound."""
    yield from _running(SoundServer(tmp_path_factory.mktemp("s")), monkeypatch)


@pytest.fixture
def fake_card(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SoundServer]:
    """Sound card ``hw:0`` (``hw:CARD=pump,DEV=0``) whose microphone receives the played sound."""
    server = SoundServer(tmp_path_factory.mktemp("c"), device="hw:0")
    make_card_list(server.folder / "root", CARDS, PCM)
    rules = [HARDWARE.format(name=name, source=SOURCE) for name in ("hw", "plughw")]
    (server.folder / "home" / ".asoundrc").write_text("".join(rules))
    yield from _running(server, monkeypatch)


@pytest.fixture
def no_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Computer without any microphone."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path / 'none'}")
    monkeypatch.setenv("ANOMALY_ASOUND_ROOT", str(tmp_path))


def make_card_list(root: Path, cards: str, pcm: str) -> None:
    """Write the files that Linux shows below ``/proc/asound`` and ``/dev/snd``."""
    (root / "proc/asound").mkdir(parents=True)
    (root / "proc/asound/cards").write_text(cards)
    (root / "proc/asound/pcm").write_text(pcm)
    (root / "dev/snd").mkdir(parents=True)
    for line in pcm.splitlines():
        card, device = line.partition(":")[0].split("-")
        (root / f"dev/snd/pcmC{int(card)}D{int(device)}c").touch()


def plug_usb(root: Path, card: int, identity: str, port: str, *, serial: str | None = None) -> None:
    """Make a card of the list a USB device, as Linux shows it below ``/sys``."""
    device = root / "sys/devices/usb" / port
    interface = device / f"{port}:1.0"
    interface.mkdir(parents=True)
    vendor, product = identity.split(":")
    (device / "idVendor").write_text(f"{vendor}\n")
    (device / "idProduct").write_text(f"{product}\n")
    if serial is not None:
        (device / "serial").write_text(f"{serial}\n")
    folder = root / f"sys/class/sound/card{card}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "device").symlink_to(interface)


def _running(server: SoundServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundServer]:
    missing = [program for program in ("pulseaudio", "pactl", "pacat") if shutil.which(program) is None]
    if missing:
        pytest.fail(f"{', '.join(missing)} is missing; install it: {APT_LINE}")
    for key, value in server.environment.items():
        monkeypatch.setenv(key, value)
    try:
        server.start()
        yield server
    finally:
        server.kill()
