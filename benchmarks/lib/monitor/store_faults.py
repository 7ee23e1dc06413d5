"""Rounds of random damage to the database of a running monitor, and the count of what was lost.

Each round copies the folder of an earlier run, damages it or not, serves it in a process of its own, and damages it
again between two decisions or at any moment. A service that dies is started again, as the service manager does it.
An alert counts as decided when the call that stores it has returned.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lib.monitor.page_damage import damage
from lib.monitor.store_content import EarlierRun, folder_of
from lib.monitor.store_service import Reporter, run_service

STEPS = 12
# A service that has not ended by then hangs: it waits for deliveries for 15 s at most.
_HANGS_S = 60.0


@dataclass
class DamageRound:
    """Result of one round.

    Args:
        number: which one.
        damages: what was done to the files.
        crashes: errors and signals that ended the service, and errors in its background that are no project's own.
        cut_memory: the file of the shared memory was cut while processes mapped it, for which the system ends them.
        restarts: how often the service was started again.
        decided: alerts that were decided.
        lost: decided alerts that did not reach the sink.
        doubled: events of a case that reached the sink under different keys.
        altered: messages that reached the sink under a key that nobody had given.
        repeated: messages that reached the sink again, with their key.
        set_aside: damaged files that were set aside.
        undrained: services at whose end the outbox still held a message, after 15 s.
        seconds: its duration.
        log: the end of what the service logged, if something went wrong.
    """

    number: int
    damages: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    cut_memory: bool = False
    restarts: int = 0
    decided: int = 0
    lost: int = 0
    doubled: int = 0
    altered: int = 0
    repeated: int = 0
    set_aside: int = 0
    undrained: int = 0
    seconds: float = 0.0
    log: str = ""

    @property
    def failed(self) -> bool:
        """Return whether the round shows a fault of the product."""
        return bool(self.crashes or self.lost or self.doubled or self.altered)


@dataclass
class _Reports:
    """Reports of the services of a round."""

    known: set[str]
    decided: set[str]
    received: list[tuple[str, str, str]] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    undrained: int = 0
    ended: bool = False


def run_round(run: EarlierRun, seed: int, number: int, work: Path) -> DamageRound:
    """Run one round of damage.

    Args:
        run: folders to begin with.
        seed: of all rounds.
        number: of this one.
        work: folder for it; it is made and removed.
    """
    rng = random.Random(f"{seed}/{number}")
    result, began_s = DamageRound(number), time.monotonic()
    found = _Reports(set(run.keys), set(run.waiting))
    log = work.with_name(f"{work.name}.log")
    with folder_of(run, rng.random() < 0.5, work) as path:
        if rng.random() < 0.6:
            result.damages.append(f"before: {damage(path, rng)}")
        _watch(path, f"{seed}/{number}", STEPS, found, log, _Injector(path, rng, result))
        while not found.ended and result.restarts < 3:
            result.restarts += 1
            _watch(path, f"{seed}/{number}", 0, found, log, None)
        result.set_aside = len({one.name.split("-")[1] for one in path.parent.glob("*.damaged-*")})
    _judge(found, result)
    result.seconds = round(time.monotonic() - began_s, 3)
    if (result.failed or result.undrained) and log.exists():
        result.log = log.read_text(encoding="utf-8", errors="replace")[-6_000:]
    log.unlink(missing_ok=True)
    return result


def _judge(found: _Reports, result: DamageRound) -> None:
    times = Counter(key for key, _, _ in found.received)
    result.decided, result.undrained = len(found.decided), found.undrained
    result.lost = len(found.decided - times.keys())
    result.altered = len(times.keys() - found.known)
    result.repeated = sum(count - 1 for count in times.values())
    keys: dict[tuple[str, str], set[str]] = {}
    for key, event, case in found.received:
        if event == "case.opened":
            keys.setdefault((case, event), set()).add(key)
    result.doubled = sum(len(found) > 1 for found in keys.values())
    # The system ends a process whose mapped file is cut: nothing in it can prevent that.
    mapped = f"killed by {signal.SIGBUS.name}"
    result.crashes = [one for one in found.crashes if one != mapped or not result.cut_memory]


class _Injector:
    """Damages a database while it is served.

    Args:
        path: the database.
        rng: decides when and what.
        result: gets what was done.
    """

    def __init__(self, path: Path, rng: random.Random, result: DamageRound) -> None:
        self._path, self._rng, self._result = path, rng, result
        # In some rounds the service does not wait while the damage is done.
        self.waits = rng.random() < 0.7

    def step(self) -> None:
        """Damage the file before one in four decisions."""
        if self._rng.random() > 0.25:
            return
        if not self.waits:
            time.sleep(self._rng.uniform(0.0, 0.02))
        if self._rng.random() < 0.6:
            # Pages that the log still holds would never be read.
            with (
                suppress(sqlite3.Error, UnicodeDecodeError),
                closing(sqlite3.connect(self._path, timeout=1.0)) as connection,
            ):
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with suppress(FileNotFoundError):  # the service has just set it aside
            done = damage(self._path, self._rng)
            self._result.damages.append(f"during: {done}")
            self._result.cut_memory = self._result.cut_memory or done.startswith("cut-shm")


def _watch(path: Path, seed: str, steps: int, found: _Reports, log: Path, injector: _Injector | None) -> None:
    """Run the service in a process of its own until it ends, and take its reports."""
    reports, sent = os.pipe()
    allowed, permission = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reports)
        os.close(permission)
        wait: Callable[[], None] = (
            (lambda: None) if injector and not injector.waits else lambda: _wait(allowed)
        )
        with contextlib.suppress(BaseException):
            run_service(path, seed, steps, Reporter(sent), wait, log)
        os._exit(0)
    os.close(sent)
    os.close(allowed)
    try:
        if not _take_reports(reports, permission, found, injector):
            found.crashes.append("it hangs")
            os.kill(child, signal.SIGABRT)
    finally:
        os.close(reports)
        os.close(permission)
    status = os.waitpid(child, 0)[1]
    found.ended = not os.WIFSIGNALED(status)
    if os.WIFSIGNALED(status) and "it hangs" not in found.crashes:
        found.crashes.append(f"killed by {signal.Signals(os.WTERMSIG(status)).name}")


def _wait(allowed: int) -> None:
    os.read(allowed, 1)


def _take_reports(reports: int, permission: int, found: _Reports, injector: _Injector | None) -> bool:
    """Take reports until the pipe is closed; return false if the service hangs."""
    rest, end_s = b"", time.monotonic() + _HANGS_S
    while True:
        ready, _, _ = select.select([reports], [], [], max(0.0, end_s - time.monotonic()))
        if not ready:
            return False
        data = os.read(reports, 65_536)
        if not data:
            return True
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            name, *values = json.loads(line)
            _note(name, values, found)
            if name == "step":
                if injector is not None:
                    injector.step()
                with suppress(BrokenPipeError):
                    os.write(permission, b".")


def _note(name: str, values: list[str], found: _Reports) -> None:
    if name == "queued":
        found.known.add(values[0])
    elif name == "decided":
        found.decided.add(values[0])
    elif name == "received":
        found.received.append((values[0], values[1], values[2]))
    elif name == "drained":
        found.undrained += not values[0]
    elif name == "crash":
        found.crashes.append(values[0])


def to_line(result: DamageRound) -> str:
    """Return a round as one line of JSON."""
    return json.dumps(asdict(result))


def from_line(line: str) -> DamageRound:
    """Return the round that `to_line` wrote."""
    return DamageRound(**json.loads(line))
