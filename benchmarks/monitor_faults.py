"""A microphone that dies in every way, a monitor that is killed at any moment, and two days of simulated time."""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from monitored import MACHINE, RATE_HZ, Monitor, pump, served, trained

OPTIONS = ["--device", "pulse:mic", "--machine", MACHINE]
RESTARTS, KILLS, HOURS = 10, 200, 48
DATABASE = "anomaly.sqlite"


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
        print(f"undetected: {name}", file=sys.stderr)
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
        monitor.end()
        faults.false_machine_cases = sum(e["kind"] == "machine" for e in monitor.events("case.opened"))
    return faults


@dataclass
class Kills:
    """What killing at random moments did."""

    kills: int = 0
    lost_scores: int = 0
    unwritten_s: int = 0
    lost_cases: int = 0
    doubled_cases: int = 0
    unsound: int = 0
    restart_s: list[float] = field(default_factory=list)
    recapture_s: list[float] = field(default_factory=list)


def kills(count: int, models: Path, seed: int = 6) -> Kills:
    """Kill the monitor and its capture process in turn, at random moments, while a machine fails and recovers."""
    done, rng = Kills(), random.Random(seed)
    seen: set[tuple[Any, ...]] = set()
    told: set[str] = set()
    sounds = [pump(), pump(fault="outer_race")]
    with served() as server, tempfile.TemporaryDirectory() as folder:
        words = [*OPTIONS, "--models", str(models), "--state", folder, "--false-alarms-per-day", "24"]
        server.play(sounds[0])
        monitor = Monitor(words, Path(folder))
        for number in range(count):
            if number % 8 == 0:
                server.play(sounds[number // 8 % 2])
            if monitor.wait_for_seconds(1) and number % 2 == 0:
                done.restart_s.append(monitor.seconds[0]["heard_s"] - monitor.begun_s)
            time.sleep(rng.uniform(0.0, 4.0))
            done.kills += 1
            if number % 2:
                _kill_capture(monitor, done)
                continue
            monitor.end(signal.SIGKILL)
            shown = len(monitor.seconds)
            rows, cases = _committed(Path(folder), done)
            done.lost_scores += len(seen - rows)
            done.unwritten_s = max(done.unwritten_s, shown - len(rows - seen))
            seen |= rows
            told |= {event["case"] for event in monitor.events("case.opened")}
            done.lost_cases += len(told - cases.keys())
            done.doubled_cases += _doubled(cases)
            monitor = Monitor(words, Path(folder))
        monitor.wait_for_seconds(1)
        monitor.end()
        rows, cases = _committed(Path(folder), done)
        done.lost_scores += len(seen - rows)
        done.doubled_cases += _doubled(cases)
    return done


def _kill_capture(monitor: Monitor, done: Kills) -> None:
    children = psutil.Process(monitor.pid).children(recursive=True)
    heard = len(monitor.seconds)
    at_s = time.time()
    for child in children:
        if child.is_running() and "anomaly.audio.capture" in child.cmdline():
            os.kill(child.pid, signal.SIGKILL)
    opened = len(monitor.events("device.opened"))
    if monitor.wait_for(lambda: len(monitor.events("device.opened")) > opened, 30):
        done.recapture_s.append(monitor.events("device.opened")[-1]["heard_s"] - at_s)
    monitor.wait_for(lambda: len(monitor.seconds) > heard, 30)


def _committed(folder: Path, done: Kills) -> tuple[set[tuple[Any, ...]], dict[str, tuple[str, str]]]:
    """All scores and cases in the database, and whether it is sound."""
    with sqlite3.connect(folder / DATABASE) as connection:
        done.unsound += connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok"
        rows = set(connection.execute("SELECT machine, time_s, second, score FROM scores"))
        cases = {row[0]: row[1:] for row in connection.execute("SELECT id, kind, state FROM cases")}
    connection.close()
    return rows, cases


def _doubled(cases: dict[str, tuple[str, str]]) -> int:
    """Open cases of a kind beyond the one that there may be."""
    kinds = [kind for kind, state in cases.values() if state != "closed"]
    return sum(max(0, kinds.count(kind) - 1) for kind in ("machine", "sensor"))


def resampled(sounds: list[np.ndarray]) -> np.ndarray:
    """Sounds of a card as the watch hears them, one after the other."""
    from anomaly.audio.resample import resample

    return np.concatenate([resample(sound, RATE_HZ) for sound in sounds])


def two_days(hours: int, models: Path) -> dict[str, float]:
    """Memory and file handles of one machine's watch over simulated time, scored second by second."""
    from anomaly.alerts.store import Store
    from anomaly.config import Site
    from anomaly.monitor.operations import Operations
    from anomaly.monitor.post import Plan, Post, make_ready
    from anomaly.monitor.sources import Sound

    sound = resampled([pump(60), pump(20, fault="cavitation")])
    rng = np.random.default_rng(0)
    process, memory, handles = psutil.Process(), list[float](), list[int]()
    with tempfile.TemporaryDirectory() as folder:
        site = Site(models_dir=models, state_dir=Path(folder))
        plan = Plan(MACHINE, "simulated", None, "mean", "student", 1.0)
        with Store.open(Path(folder) / DATABASE) as store, Operations(site, store) as operations:
            post = Post(plan, make_ready(plan, site), store, operations)
            begun_s = time.time() - hours * 3600.0
            for second in range(hours * 3600):
                # A fault of twenty seconds each hour, at another loudness of the background each time.
                place = (
                    second % 3600
                    if second % 3600 < 60
                    else rng.integers(0, 59)
                    if second % 3600 < 3580
                    else (60 + second % 3600 - 3580)
                )
                block = sound[place * 16_000 : (place + 1) * 16_000]
                noise = rng.standard_normal(16_000, dtype=np.float32) * np.float32(1e-3)
                post.hear(Sound(block + noise, begun_s + second))
                if second % 600 == 599:
                    memory.append(process.memory_info().rss / 2**20)
                    handles.append(process.num_fds())
            post.finish()
    early = len(memory) // 4
    return {
        "simulated_hours": hours,
        "memory_growth_mib": round(
            float(np.median(memory[-early:]) - np.median(memory[early : 2 * early])), 2
        ),
        "handles_growth": max(handles[-early:]) - max(handles[:early]),
        "memory_mib": round(memory[-1], 1),
    }


def measure(restarts: int, killed: int, hours: int) -> dict[str, Any]:
    """All figures."""
    with trained() as folder:
        models = folder / "models"
        faults = microphone_faults(restarts, models)
        killing = kills(killed, models)
        flat = two_days(hours, models)
    return {
        "injected": faults.injected,
        "undetected": faults.undetected,
        "misnamed": faults.misnamed,
        "worst_detection_s": round(max(faults.detection_s, default=0.0), 2),
        "worst_recovery_s": round(max(faults.recovery_s, default=0.0), 2),
        "false_machine_cases": faults.false_machine_cases,
        "detection_and_recovery_s": faults.by_fault,
        "kills": killing.kills,
        "lost_scores": killing.lost_scores,
        "unwritten_seconds_at_most": killing.unwritten_s,
        "lost_cases": killing.lost_cases,
        "doubled_cases": killing.doubled_cases,
        "unsound_databases": killing.unsound,
        "worst_restart_s": round(max(killing.restart_s, default=0.0), 2),
        "worst_recapture_s": round(max(killing.recapture_s, default=0.0), 2),
        **flat,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="two restarts, twelve kills, two hours")
    given = parser.parse_args()
    figures = measure(2, 12, 2) if given.quick else measure(RESTARTS, KILLS, HOURS)
    print(json.dumps(figures) if given.json else "\n".join(f"{k:<26} {v}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
