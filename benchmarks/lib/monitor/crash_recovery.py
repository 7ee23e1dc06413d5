"""SIGKILL of a monitor and of its capture process at random moments: consistency of the database afterwards."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from lib.monitor.monitor_process import (
    OPTIONS,
    MonitorProcess,
    pump_sound,
    running_sound_server,
)
from lib.progress import log

DATABASE = "anomaly.sqlite"
# Every tenth kill of the monitor comes while it is starting.
_KILLS_PER_EARLY_KILL = 10
# The machine fails, or recovers, after this many kills.
_KILLS_PER_SOUND = 8


@dataclass
class CrashResults:
    """Results of killing processes at random moments.

    Attributes:
        lost_scores: that were committed, and are no longer in the database.
        unwritten_s: largest number of seconds that were printed but not committed.
        machine_cases: machine cases in the database.
        lost_cases: that were reported, and are not in the database.
        doubled_cases: open cases of a kind, or machine cases, beyond the one that is allowed.
        unsound: number of failed integrity checks.
        orphans: child processes still alive five seconds after their monitor was killed.
        restart_s: from the start of each monitor to its first score.
        recapture_s: from the kill of each capture process to the next that delivers sound.
        committed: scores that were found in the database.
        reported: cases that the monitor reported.
    """

    kills: int = 0
    lost_scores: int = 0
    unwritten_s: int = 0
    machine_cases: int = 0
    lost_cases: int = 0
    doubled_cases: int = 0
    unsound: int = 0
    orphans: int = 0
    restart_s: list[float] = field(default_factory=list)
    recapture_s: list[float] = field(default_factory=list)
    committed: set[tuple[Any, ...]] = field(default_factory=set)
    reported: set[str] = field(default_factory=set)

    def compare(self, folder: Path, monitor: MonitorProcess) -> None:
        """Compare the output of an ended monitor with its database."""
        rows, cases, intact = _read_database(folder)
        self.unsound += not intact
        self.lost_scores += len(self.committed - rows)
        self.unwritten_s = max(self.unwritten_s, len(monitor.seconds) - len(rows - self.committed))
        self.committed |= rows
        self.reported |= {event["case"] for event in monitor.events("case.opened")}
        self.lost_cases += len(self.reported - cases.keys())
        still_open = [kind for kind, state in cases.values() if state != "closed"]
        # Machine cases are not closed here, so there is one at most, however often the monitor is killed.
        self.machine_cases = sum(kind == "machine" for kind, _ in cases.values())
        self.doubled_cases = max(
            self.doubled_cases, self.machine_cases - 1, still_open.count("sensor") - 1, 0
        )


def kill_at_random(count: int, models: Path, seed: int = 6) -> CrashResults:
    """Kill the monitor and its capture process in turn at random moments, while the machine fails and recovers."""
    results, rng = CrashResults(), random.Random(seed)
    sounds = [pump_sound(), pump_sound(fault="outer_race")]
    with running_sound_server() as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = [*OPTIONS, "--models", str(models), "--state", name, "--false-alarms-per-day", "24"]
        monitor = MonitorProcess(words, folder)
        for number in range(count):
            if number % _KILLS_PER_SOUND == 0:
                server.play(sounds[number // _KILLS_PER_SOUND % 2])
            if number % (2 * _KILLS_PER_EARLY_KILL) == 2 * _KILLS_PER_EARLY_KILL - 2:
                time.sleep(rng.uniform(0.0, 2.0))
            else:
                _wait_until_scoring(monitor, results, new=number % 2 == 0)
                time.sleep(rng.uniform(0.0, 4.0))
            results.kills += 1
            if number % 2:
                _kill_capture(monitor, results)
            else:
                children = psutil.Process(monitor.pid).children(recursive=True)
                monitor.stop(signal.SIGKILL)
                results.orphans += len(psutil.wait_procs(children, timeout=5)[1])
                results.compare(folder, monitor)
                monitor = MonitorProcess(words, folder)
            if number % 20 == 19:
                worst_s = max(results.restart_s)
                log(f"{results.kills} kills, restart at most {worst_s:.2f} s, {results.machine_cases} case")
        _wait_until_scoring(monitor, results, new=True)
        monitor.stop()
        results.compare(folder, monitor)
    return results


def _wait_until_scoring(monitor: MonitorProcess, results: CrashResults, *, new: bool) -> None:
    """Wait until a monitor scores; record the time of one that was just started."""
    if monitor.wait_for_seconds(1) and new:
        results.restart_s.append(monitor.seconds[0]["received_s"] - monitor.started_s)


def _kill_capture(monitor: MonitorProcess, results: CrashResults) -> None:
    scored, opened = len(monitor.seconds), len(monitor.events("device.opened"))
    at_s = time.time()
    for child in monitor.capture_processes():
        child.kill()
    if monitor.wait_for(lambda: len(monitor.events("device.opened")) > opened, 30):
        results.recapture_s.append(monitor.events("device.opened")[-1]["received_s"] - at_s)
    monitor.wait_for(lambda: len(monitor.seconds) > scored, 30)


def _read_database(folder: Path) -> tuple[set[tuple[Any, ...]], dict[str, tuple[str, str]], bool]:
    """Read all scores and cases, and the result of the integrity check.

    A copy is opened, so that the next monitor finds the database as the kill left it.
    """
    with tempfile.TemporaryDirectory() as elsewhere:
        for part in folder.glob(f"{DATABASE}*"):
            if not part.name.endswith(("-shm", ".lock")):
                shutil.copy(part, elsewhere)
        with closing(sqlite3.connect(Path(elsewhere) / DATABASE)) as connection:
            intact = connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            if not {"scores", "cases"} <= tables:
                return set(), {}, intact
            rows = set(connection.execute("SELECT machine, time_s, second, score FROM scores"))
            cases = {row[0]: row[1:] for row in connection.execute("SELECT id, kind, state FROM cases")}
    return rows, cases, intact
