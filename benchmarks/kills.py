"""kill -9 of a monitor and of its capture process at random moments: what is in the database afterwards."""

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
from harness import say
from monitored import OPTIONS, Monitor, pump, served

DATABASE = "anomaly.sqlite"
# Of so many kills of the monitor one comes while it still starts.
_EARLY = 10
# After so many kills the machine fails, or is well again.
_SOUND_CHANGES = 8


@dataclass
class Kills:
    """What killing at random moments did.

    Attributes:
        lost_scores: that were committed, and are no longer there.
        unwritten_s: most seconds that were shown, and had not been committed.
        lost_cases: that were told, and are not in the database.
        doubled_cases: open cases of a kind, or cases of the machine at all, beyond the one that there may be.
        unsound: times that the database was not sound.
        orphans: processes that outlived a monitor that was killed, by five seconds.
        restart_s: from the start of each monitor to its first score.
        recapture_s: from the death of each capture process to the next that hears.
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
    seen: set[tuple[Any, ...]] = field(default_factory=set)
    told: set[str] = field(default_factory=set)

    def look(self, folder: Path, monitor: Monitor) -> None:
        """Compare what an ended monitor said with what it left behind."""
        rows, cases, sound = _left_behind(folder)
        self.unsound += not sound
        self.lost_scores += len(self.seen - rows)
        self.unwritten_s = max(self.unwritten_s, len(monitor.seconds) - len(rows - self.seen))
        self.seen |= rows
        self.told |= {event["case"] for event in monitor.events("case.opened")}
        self.lost_cases += len(self.told - cases.keys())
        still_open = [kind for kind, state in cases.values() if state != "closed"]
        # Nobody closes a machine's case here: there is one, whatever its machine does and however often we die.
        self.machine_cases = sum(kind == "machine" for kind, _ in cases.values())
        self.doubled_cases = max(
            self.doubled_cases, self.machine_cases - 1, still_open.count("sensor") - 1, 0
        )


def kills(count: int, models: Path, seed: int = 6) -> Kills:
    """Kill the monitor and its capture process in turn, at random moments, while a machine fails and recovers."""
    done, rng = Kills(), random.Random(seed)
    sounds = [pump(), pump(fault="outer_race")]
    with served() as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = [*OPTIONS, "--models", str(models), "--state", name, "--false-alarms-per-day", "24"]
        monitor = Monitor(words, folder)
        for number in range(count):
            if number % _SOUND_CHANGES == 0:
                server.play(sounds[number // _SOUND_CHANGES % 2])
            if number % (2 * _EARLY) == 2 * _EARLY - 2:
                time.sleep(rng.uniform(0.0, 2.0))
            else:
                _settle(monitor, done, new=number % 2 == 0)
                time.sleep(rng.uniform(0.0, 4.0))
            done.kills += 1
            if number % 2:
                _kill_capture(monitor, done)
            else:
                children = psutil.Process(monitor.pid).children(recursive=True)
                monitor.stop(signal.SIGKILL)
                done.orphans += len(psutil.wait_procs(children, timeout=5)[1])
                done.look(folder, monitor)
                monitor = Monitor(words, folder)
            if number % 20 == 19:
                say(
                    f"{done.kills} kills, restart at most {max(done.restart_s):.2f} s, {done.machine_cases} case"
                )
        _settle(monitor, done, new=True)
        monitor.stop()
        done.look(folder, monitor)
    return done


def _settle(monitor: Monitor, done: Kills, *, new: bool) -> None:
    """Wait until a monitor scores; one that was just started is timed."""
    if monitor.wait_for_seconds(1) and new:
        done.restart_s.append(monitor.seconds[0]["heard_s"] - monitor.begun_s)


def _kill_capture(monitor: Monitor, done: Kills) -> None:
    heard, opened = len(monitor.seconds), len(monitor.events("device.opened"))
    at_s = time.time()
    for child in monitor.captures():
        child.kill()
    if monitor.wait_for(lambda: len(monitor.events("device.opened")) > opened, 30):
        done.recapture_s.append(monitor.events("device.opened")[-1]["heard_s"] - at_s)
    monitor.wait_for(lambda: len(monitor.seconds) > heard, 30)


def _left_behind(folder: Path) -> tuple[set[tuple[Any, ...]], dict[str, tuple[str, str]], bool]:
    """All scores and cases in the database, and whether it is sound.

    A copy is opened: the one that was left behind is for the next monitor to mend.
    """
    with tempfile.TemporaryDirectory() as elsewhere:
        for part in folder.glob(f"{DATABASE}*"):
            if not part.name.endswith(("-shm", ".lock")):
                shutil.copy(part, elsewhere)
        with closing(sqlite3.connect(Path(elsewhere) / DATABASE)) as connection:
            sound = connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            if not {"scores", "cases"} <= tables:
                return set(), {}, sound
            rows = set(connection.execute("SELECT machine, time_s, second, score FROM scores"))
            cases = {row[0]: row[1:] for row in connection.execute("SELECT id, kind, state FROM cases")}
    return rows, cases, sound
