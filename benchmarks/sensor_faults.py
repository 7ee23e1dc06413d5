"""What can happen to a microphone, in front of a running monitor: noticed when, named how, well again when."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from harness import say
from monitored import OPTIONS, RATE_HZ, Monitor, pump, served


@dataclass
class Faults:
    """What was injected, and what came of it."""

    injected: int = 0
    undetected: int = 0
    misnamed: int = 0
    detection_s: list[float] = field(default_factory=list)
    recovery_s: list[float] = field(default_factory=list)
    by_fault: dict[str, list[float]] = field(default_factory=dict)
    false_machine_cases: int = 0


def inject(
    monitor: Monitor, faults: Faults, name: str, act: Callable[[], None], undo: Callable[[], None]
) -> None:
    """Break the sound, wait for the sensor's case, mend it, and wait for the recovery."""
    known, recovered = len(monitor.events("case.opened")), len(monitor.events("sensor.recovered"))
    faults.injected += 1
    act()
    at_s = time.time()

    def opened() -> list[dict[str, Any]]:
        return [event for event in monitor.events("case.opened")[known:] if event["kind"] == "sensor"]

    found = monitor.wait_for(opened, 20)
    if not found:
        faults.undetected += 1
    else:
        faults.detection_s.append(found[0]["heard_s"] - at_s)
        faults.misnamed += found[0].get("fault") != name.partition(" ")[0]
    time.sleep(1.0)
    undo()
    back_s = time.time()
    well = monitor.wait_for(lambda: monitor.events("sensor.recovered")[recovered:], 30)
    faults.recovery_s.append(well[0]["heard_s"] - back_s if well else 30.0)
    taken = [round(times[-1], 2) if times else None for times in (faults.detection_s, faults.recovery_s)]
    faults.by_fault[f"{name} {faults.injected}"] = [t for t in taken if t is not None]
    say(
        f"{name}: {found[0].get('fault') if found else 'not noticed'}, noticed and well again after {taken} s"
    )
    monitor.wait_for(lambda: monitor.seconds[-1]["score"] is not None, 10)
    time.sleep(1.0)


def noise(level: float, samples: int = 10 * RATE_HZ) -> np.ndarray:
    """What a microphone without a capsule hears."""
    return (level * np.random.default_rng(3).standard_normal(samples)).astype(np.float32)


def hum() -> np.ndarray:
    """What an open input hears."""
    time_s = np.arange(RATE_HZ) / RATE_HZ
    lines = sum(level * np.sin(2 * np.pi * 50 * k * time_s) for k, level in ((1, 0.1), (3, 0.03), (5, 0.02)))
    return np.asarray(np.tile(lines, 10), np.float32) + noise(3e-5)


def narrow(sound: np.ndarray) -> np.ndarray:
    """What a telephone headset hears."""
    from scipy.signal import butter, sosfilt

    heard = sosfilt(butter(12, 3_400, fs=RATE_HZ, output="sos"), sound)
    return np.asarray(heard, np.float32) + noise(1e-5, len(sound))


def microphone_faults(restarts: int, models: Path) -> Faults:
    """Everything that can happen to a Pulse source."""
    faults = Faults()
    sound = pump()
    with served() as server, tempfile.TemporaryDirectory() as folder:
        server.play(sound)
        monitor = Monitor([*OPTIONS, "--models", str(models), "--state", folder], Path(folder))
        monitor.wait_for(lambda: len(monitor.seconds) >= 5, 60)
        silence = np.zeros(RATE_HZ, np.float32)
        clipped = np.clip(30 * sound, -1, 1).astype(np.float32)

        def back() -> None:
            server.start()
            server.play(sound)

        def play(samples: np.ndarray) -> Callable[[], None]:
            return lambda: server.play(samples)

        def load() -> None:
            server.control("load-module", "module-remap-source", "master=room.monitor", "source_name=mic")

        for _ in range(restarts):
            inject(monitor, faults, "lost (server killed)", server.kill, back)
        for name, act, undo in (
            ("lost (suspended)", lambda: server.suspend(True), lambda: server.suspend(False)),
            ("lost (unloaded)", lambda: server.control("unload-module", "module-remap-source"), load),
            ("silent (zeros)", play(silence), play(sound)),
            ("clipping", play(clipped), play(sound)),
            ("dc-offset", play(sound + np.float32(0.3)), play(sound)),
            ("gain (a quarter)", play(sound / 4), play(sound)),
            ("low-level (a dead capsule)", play(noise(1e-4)), play(sound)),
            ("hum", play(hum()), play(sound)),
            ("band-limit (3.4 kHz)", play(narrow(sound)), play(sound)),
            ("repeated (one buffer)", play(np.tile(sound[: RATE_HZ // 50], 50)), play(sound)),
        ):
            inject(monitor, faults, name, act, undo)
        monitor.stop()
        faults.false_machine_cases = sum(e["kind"] == "machine" for e in monitor.events("case.opened"))
    return faults
