"""Random damage to pages of a monitor's database, before and during service, and the count of what was lost.

Each round opens the store as the monitor does, opens, updates and returns cases while a dispatcher delivers their
messages, and overwrites random pages of the file from outside. An alert counts as decided when the call that opens its
case has returned.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
import threading
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path

from anomaly.alerts import AlertMessage, Case, Dispatcher, RetryPolicy, ScoreRow, Store, iso_utc
from anomaly.store.store import DATABASE_NAME

PAGE = 4096
MACHINES = ("pump", "fan", "gearbox")
_START_S = 1_800_000_000.0
_DRAIN_S = 20.0


class RecordingSink:
    """Sink that keeps what it receives."""

    name = "plant"

    def __init__(self) -> None:
        self.received: list[AlertMessage] = []
        self._lock = threading.Lock()

    def deliver(self, message: AlertMessage) -> None:
        """Keep a message, as a receiver that confirms it."""
        with self._lock:
            self.received.append(message)

    def close(self) -> None:
        """Do nothing."""


@dataclass
class DamageResult:
    """Result of several rounds of damage to the database.

    Args:
        rounds: how many were run.
        damages: how often pages were overwritten.
        crashes: errors that a call of the store raised, by type and text.
        decided: alerts that were decided.
        lost: decided alerts that no message reached the sink for.
        doubled: cases with two messages of one kind whose keys differ.
        set_aside: damaged files that were set aside.
    """

    rounds: int = 0
    damages: int = 0
    crashes: Counter[str] = field(default_factory=Counter)
    decided: int = 0
    lost: int = 0
    doubled: int = 0
    set_aside: int = 0


def inject(rounds: int, seed: int, *, steps: int = 12) -> DamageResult:
    """Run rounds of random damage.

    Args:
        rounds: how many.
        seed: of the first; each next one has the next seed.
        steps: decisions in a round.
    """
    result = DamageResult()
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            _round(Path(folder) / DATABASE_NAME, random.Random(seed + number), result, steps)
    return result


def damage(path: Path, rng: random.Random) -> None:
    """Overwrite one to three pages, wholly or in part, with noise, zeros or another page; or cut the file."""
    size = path.stat().st_size if path.exists() else 0
    if size < PAGE:
        return
    with path.open("r+b") as file:
        if rng.random() < 0.03:
            file.truncate(rng.randrange(size))
            return
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(size // PAGE) * PAGE
            kind = rng.random()
            if kind < 0.5:
                content = rng.randbytes(PAGE)
            elif kind < 0.7:
                content = bytes(PAGE)
            elif kind < 0.85:
                file.seek(rng.randrange(size // PAGE) * PAGE)
                content = file.read(PAGE)
            else:
                place += rng.randrange(PAGE)
                content = rng.randbytes(rng.randint(1, 64))
            file.seek(place)
            file.write(content)


def _round(path: Path, rng: random.Random, result: DamageResult, steps: int) -> None:
    result.rounds += 1
    _fill(path, rng)
    if rng.random() < 0.5:
        damage(path, rng)
        result.damages += 1
    sink, decided = RecordingSink(), list[Case]()
    try:
        _serve(path, rng, result, steps, sink, decided)
    except Exception as error:  # whatever ends the service is counted
        result.crashes[f"{type(error).__name__}: {str(error)[:60]}"] += 1
    result.decided += len(decided)
    keys: dict[tuple[str, str], set[str]] = {}
    for message in sink.received:
        if message.case is not None and message.event == "case.opened":
            keys.setdefault((message.case.id, message.event), set()).add(message.id)
    result.lost += sum((case.id, "case.opened") not in keys for case in decided)
    result.doubled += sum(len(found) > 1 for found in keys.values())
    result.set_aside += len({one.name.split("-")[1] for one in path.parent.glob("*.damaged-*")})


def _fill(path: Path, rng: random.Random) -> None:
    """Store what an earlier run of the monitor left: scores, an open case, delivered messages."""
    with Store.open(path) as store, Dispatcher(store, [RecordingSink()], poll_s=0.01) as dispatcher:
        rows = [ScoreRow("pump", _START_S + i, i, rng.random(), 0.5, "OK") for i in range(2000)]
        store.history.add_scores(rows)
        store.cases.open(Case("compressor", "machine", iso_utc(_START_S), "it was there before"))
        dispatcher.drain(_DRAIN_S)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _serve(
    path: Path, rng: random.Random, result: DamageResult, steps: int, sink: RecordingSink, decided: list[Case]
) -> None:
    retry = RetryPolicy(first_s=0.01, longest_s=0.05)
    with (
        Store.open_resilient(path) as store,
        Dispatcher(store, [sink], retry=retry, poll_s=0.01) as dispatcher,
    ):
        open_cases: dict[str, Case] = {}
        for step, machine in zip(range(steps), cycle(MACHINES), strict=False):
            if rng.random() < 0.25:
                # A checkpoint first: damage in pages that the log still holds would never be read.
                # The injector may meet its own damage.
                with (
                    suppress(sqlite3.Error, UnicodeDecodeError),
                    closing(sqlite3.connect(path, timeout=1.0)) as connection,
                ):
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                damage(path, rng)
                result.damages += 1
            rows = [
                ScoreRow(machine, _START_S + 3000 + step * 10 + i, step * 10 + i, 9.0, 1e-9, "ALARM")
                for i in range(10)
            ]
            store.history.add_scores(rows)
            if machine in open_cases:
                message = AlertMessage("case.escalated", machine, iso_utc(_START_S + step))
                store.cases.update(replace(open_cases.pop(machine), severity=2), message)
            else:
                case = Case(machine, "machine", iso_utc(_START_S + step), "it sounds wrong")
                now = store.cases.open(case, AlertMessage("case.opened", machine, case.opened_at))
                if now is not None and now.id == case.id:
                    decided.append(case)
                    open_cases[machine] = case
            if rng.random() < 0.2:
                store.check()
        store.check()
        dispatcher.drain(_DRAIN_S)
