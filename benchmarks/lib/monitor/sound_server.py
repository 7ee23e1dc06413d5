"""A private PulseAudio server: sound that is played into its sink arrives at its microphone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

SINK, SOURCE = "room", "mic"
PLAY_RATE_HZ = 48_000
# Writes a file again and again, in one process: tests count the children that appear.
_REPEAT = "import sys; data = open(sys.argv[1], 'rb').read()\nwhile True: sys.stdout.buffer.write(data)"


@dataclass
class SoundServer:
    """A private PulseAudio server.

    Args:
        folder: for its socket, home and log; a short path, because that of a socket is limited to 107 bytes.
        device: value for ``--device``.
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
        """Start the server and wait until it answers.

        Raises:
            RuntimeError: it does not start.
        """
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
                raise RuntimeError(f"PulseAudio did not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.05)

    def control(self, *words: str) -> str:
        """Run a command of ``pactl`` and return its output; empty if the server does not answer."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(["pactl", *words], env=environment, capture_output=True, text=True, check=False)
        return done.stdout

    def suspend(self, suspended: bool) -> None:
        """Suspend the microphone, or resume it."""
        for source in (SOURCE, f"{SINK}.monitor"):
            self.control("suspend-source", source, str(int(suspended)))

    def play(self, samples: np.ndarray, rate_hz: int = PLAY_RATE_HZ) -> None:
        """Play float samples [n] into the microphone in a loop, until ``quiet``."""
        self.quiet()
        sound = self.folder / "sound.f32"
        sound.write_bytes(samples.astype("<f4").tobytes())
        pacat = (
            f"pacat --raw --format=float32le --channels=1 --rate={rate_hz} --latency-msec=100 --device={SINK}"
        )
        self._player = subprocess.Popen(
            ["sh", "-c", f'"{sys.executable}" -SEc "{_REPEAT}" \'{sound}\' | {pacat}'],
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
        """Kill the server, as a crash would."""
        self.quiet()
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None
