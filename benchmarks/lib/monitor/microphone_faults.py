"""Faults of a microphone in front of a running monitor: time to detection, diagnosis, and time to recovery."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lib.monitor.monitor_process import (
    OPTIONS,
    RATE_HZ,
    MonitorProcess,
    pump_sound,
    running_sound_server,
)
from lib.progress import log

Samples = npt.NDArray[np.float32]


@dataclass
class FaultResults:
    """Injected faults and their detection.

    Attributes:
        undetected: faults without a sensor case within 20 seconds.
        misnamed: faults whose case named another fault.
        detection_s: from injection to the sensor case.
        recovery_s: from repair to the recovery of the sensor.
        by_fault: both times, by fault and number of the injection.
        false_machine_cases: machine cases that were opened, although only the microphone failed.
    """

    injected: int = 0
    undetected: int = 0
    misnamed: int = 0
    detection_s: list[float] = field(default_factory=list)
    recovery_s: list[float] = field(default_factory=list)
    by_fault: dict[str, list[float]] = field(default_factory=dict)
    false_machine_cases: int = 0


def inject(
    monitor: MonitorProcess,
    results: FaultResults,
    name: str,
    inject_fault: Callable[[], object],
    repair: Callable[[], object],
) -> None:
    """Inject a fault, wait for its sensor case, remove the fault, and wait for the recovery."""
    known, recovered = len(monitor.events("case.opened")), len(monitor.events("sensor.recovered"))
    results.injected += 1
    inject_fault()
    injected_s = time.time()

    def opened() -> list[dict[str, Any]]:
        return [event for event in monitor.events("case.opened")[known:] if event["kind"] == "sensor"]

    found = monitor.wait_for(opened, 20)
    if not found:
        results.undetected += 1
    else:
        results.detection_s.append(found[0]["received_s"] - injected_s)
        results.misnamed += found[0].get("fault") != name.partition(" ")[0]
    time.sleep(1.0)
    repair()
    repaired_s = time.time()
    recovery = monitor.wait_for(lambda: monitor.events("sensor.recovered")[recovered:], 30)
    results.recovery_s.append(recovery[0]["received_s"] - repaired_s if recovery else 30.0)
    times_s = [round(times[-1], 2) if times else None for times in (results.detection_s, results.recovery_s)]
    results.by_fault[f"{name} {results.injected}"] = [t for t in times_s if t is not None]
    log(
        f"{name}: {found[0].get('fault') if found else 'not detected'}, detected and recovered after {times_s} s"
    )
    monitor.wait_for(lambda: monitor.seconds[-1]["score"] is not None, 10)
    time.sleep(1.0)


def noise(level: float, samples: int = 10 * RATE_HZ) -> Samples:
    """Noise of a microphone input without a capsule."""
    return np.asarray(level * np.random.default_rng(3).standard_normal(samples), np.float32)


def hum() -> Samples:
    """Mains hum of an open input."""
    time_s = np.arange(RATE_HZ) / RATE_HZ
    lines = sum(level * np.sin(2 * np.pi * 50 * k * time_s) for k, level in ((1, 0.1), (3, 0.03), (5, 0.02)))
    return np.asarray(np.tile(lines, 10), np.float32) + noise(3e-5)


def narrow(sound: Samples) -> Samples:
    """Limit a sound to the bandwidth of a telephone headset."""
    from scipy.signal import butter, sosfilt

    filtered = sosfilt(butter(12, 3_400, fs=RATE_HZ, output="sos"), sound)
    return np.asarray(filtered, np.float32) + noise(1e-5, len(sound))


def microphone_faults(restarts: int, models: Path) -> FaultResults:
    """Inject every fault that a PulseAudio source can have; server restarts are injected several times."""
    results = FaultResults()
    sound = pump_sound()
    with running_sound_server() as server, tempfile.TemporaryDirectory() as folder:
        server.play(sound)
        monitor = MonitorProcess([*OPTIONS, "--models", str(models), "--state", folder], Path(folder))
        monitor.wait_for(lambda: len(monitor.seconds) >= 5, 60)
        silence = np.zeros(RATE_HZ, np.float32)
        clipped = np.clip(30 * sound, -1, 1).astype(np.float32)

        def back() -> None:
            server.start()
            server.play(sound)

        def play(samples: npt.NDArray[Any]) -> Callable[[], None]:
            return lambda: server.play(samples)

        def load() -> None:
            server.control("load-module", "module-remap-source", "master=room.monitor", "source_name=mic")

        for _ in range(restarts):
            inject(monitor, results, "lost (server killed)", server.kill, back)
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
            inject(monitor, results, name, act, undo)
        monitor.stop()
        results.false_machine_cases = sum(e["kind"] == "machine" for e in monitor.events("case.opened"))
    return results
