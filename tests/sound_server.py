"""A real PulseAudio server for tests: what is played into its sink is what its microphone hears.

Fixtures (put into every test by ``conftest.py``), each of which also sets the environment of the
test process, so that commands started by the test see the same:

* ``pulse_microphone``: a Pulse source called ``mic``.
* ``fake_card``: the same behind an ALSA configuration that makes it ``hw:0``, with a card list.
* ``no_inputs``: no card, no server.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

APT_LINE = "sudo apt-get install -y pulseaudio pulseaudio-utils libasound2-plugins libportaudio2"
SINK, SOURCE = "room", "mic"
PLAY_RATE_HZ = 48_000

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


@dataclass
class SoundServer:
    """A private PulseAudio server.

    Args:
        folder: for its socket, home and log; a short path, because a socket's may have 107 letters.
        device: what to give to ``--device``.
    """

    folder: Path
    device: str = f"pulse:{SOURCE}"
    environment: dict[str, str] = field(default_factory=dict)
    _server: subprocess.Popen[bytes] | None = None
    _player: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        home, run = self.folder / "home", self.folder / "run"
        home.mkdir()
        run.mkdir(mode=0o700)
        self.environment |= {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_RUNTIME_DIR": str(run),
            "PULSE_RUNTIME_PATH": str(run / "pulse"),
            "PULSE_SERVER": f"unix:{self.folder / 'socket'}",
            "ANOMALY_ASOUND_ROOT": str(self.folder / "root"),
        }

    def start(self) -> None:
        """Start the server and wait until it answers."""
        modules = (
            f"module-native-protocol-unix socket={self.folder / 'socket'} auth-anonymous=1",
            f"module-null-sink sink_name={SINK} rate={PLAY_RATE_HZ} channels=1 format=float32le norewinds=1",
            f"module-remap-source master={SINK}.monitor source_name={SOURCE}",
        )
        options = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes"]
        options += ["--high-priority=no", "--realtime=no", f"--log-target=file:{self.folder / 'log'}"]
        for module in modules:
            options += ["-L", module]
        self._server = subprocess.Popen(
            ["pulseaudio", *options],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline_s = time.monotonic() + 20
        while SOURCE not in self.control("list", "short", "sources"):
            if time.monotonic() > deadline_s or self._server.poll() is not None:
                pytest.fail(f"PulseAudio did not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.05)

    def control(self, *words: str) -> str:
        """Ask or command the server through ``pactl``; "" if it does not answer."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(["pactl", *words], env=environment, capture_output=True, text=True, check=False)
        return done.stdout

    def suspend(self, suspended: bool) -> None:
        """Let the microphone go dead without a word, or wake it."""
        for source in (SOURCE, f"{SINK}.monitor"):
            self.control("suspend-source", source, str(int(suspended)))

    def play(self, samples: np.ndarray, rate_hz: int = PLAY_RATE_HZ) -> None:
        """Play float samples [n] in front of the microphone, again and again, until ``quiet``."""
        self.quiet()
        sound = self.folder / "sound.f32"
        sound.write_bytes(samples.astype("<f4").tobytes())
        pacat = (
            f"pacat --raw --format=float32le --channels=1 --rate={rate_hz} --latency-msec=100 --device={SINK}"
        )
        self._player = subprocess.Popen(
            ["sh", "-c", f"while cat '{sound}'; do :; done | {pacat}"],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline_s = time.monotonic() + 10
        while "RUNNING" not in self.control("list", "short", "sinks") and time.monotonic() < deadline_s:
            time.sleep(0.02)

    def quiet(self) -> None:
        """Stop playing."""
        if self._player is not None:
            os.killpg(self._player.pid, signal.SIGKILL)
            self._player.wait()
            self._player = None

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        self.quiet()
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None


def tone(frequency_hz: float, seconds: float = 1.0, level: float = 0.3) -> np.ndarray:
    """A sine for ``SoundServer.play``; whole periods join without a click."""
    return (
        level * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * PLAY_RATE_HZ)) / PLAY_RATE_HZ)
    ).astype(np.float32)


def strongest_hz(samples: np.ndarray, rate_hz: int = 16_000) -> float:
    """The frequency of the largest line in the spectrum."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate_hz / len(samples))


@pytest.fixture
def pulse_microphone(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SoundServer]:
    """A running server whose source ``mic`` hears what is played."""
    yield from _running(SoundServer(tmp_path_factory.mktemp("s")), monkeypatch)


@pytest.fixture
def fake_card(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SoundServer]:
    """A sound card ``hw:0`` (``hw:CARD=pump,DEV=0``) whose microphone hears what is played."""
    server = SoundServer(tmp_path_factory.mktemp("c"), device="hw:0")
    make_card_list(server.folder / "root", CARDS, PCM)
    rules = [HARDWARE.format(name=name, source=SOURCE) for name in ("hw", "plughw")]
    (server.folder / "home" / ".asoundrc").write_text("".join(rules))
    yield from _running(server, monkeypatch)


@pytest.fixture
def no_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any microphone."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path / 'none'}")
    monkeypatch.setenv("ANOMALY_ASOUND_ROOT", str(tmp_path))


def make_card_list(root: Path, cards: str, pcm: str) -> None:
    """Write what Linux would show below ``/proc/asound`` and ``/dev/snd``."""
    (root / "proc/asound").mkdir(parents=True)
    (root / "proc/asound/cards").write_text(cards)
    (root / "proc/asound/pcm").write_text(pcm)
    (root / "dev/snd").mkdir(parents=True)
    for line in pcm.splitlines():
        card, device = line.partition(":")[0].split("-")
        (root / f"dev/snd/pcmC{int(card)}D{int(device)}c").touch()


def plug_usb(root: Path, card: int, identity: str, port: str, *, serial: str | None = None) -> None:
    """Let a card of the list be a USB device, as Linux shows it below ``/sys``."""
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
