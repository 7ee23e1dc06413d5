"""State folder as a monitor leaves it: an hour of scores, cases, clips, delivered and waiting messages, freed pages."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from anomaly.alerts import AlertMessage, Case, ScoreRow, Store, iso_utc
from anomaly.store.database.rows import ClipRow, GapRow, StateRow
from anomaly.store.retention import Retention, tidy
from anomaly.store.state_kinds import StateKind
from anomaly.store.store import DATABASE_NAME

MACHINES = ("pump", "fan", "gearbox")
SINK = "plant"
_SCORED_S, _CASES, _EVENTS = 3_600, 40, 300


@dataclass
class EarlierRun:
    """Folders that an earlier run has left, and what it had decided.

    Args:
        clean: folder after a clean stop.
        killed: folder after a kill: part of the content is in the write-ahead log.
        waiting: keys of the messages that no sink has confirmed.
        keys: keys of all messages.
    """

    clean: Path
    killed: Path
    waiting: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


def leave_behind(folder: Path, seed: int) -> EarlierRun:
    """Run a store for some simulated hours that end now, and keep its folder as a kill and as a clean stop leave it."""
    run = EarlierRun(folder / "clean", folder / "killed")
    rng = random.Random(seed)
    with Store.open(run.clean / DATABASE_NAME) as store:
        store.outbox.subscribe([SINK])
        with store.database.reading() as connection:
            connection.execute("PRAGMA wal_autocheckpoint = 0")
        _scores(store, rng)
        for number in range(_CASES):
            _case(store, run, number)
        _waiting_messages(store, run)
        _small_tables(store, rng)
        # Scores are summed up by the minute, and the pages of the oldest become free.
        tidy(store, Retention(scores_days=_SCORED_S / 2 / 86_400), time.time())
        with store.database.reading() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _case(store, run, _CASES)
        _scores(store, rng, seconds=60)
        shutil.copytree(run.clean, run.killed)
    return run


@contextmanager
def folder_of(run: EarlierRun, killed: bool, into: Path) -> Iterator[Path]:
    """Yield a copy of the database's path in one of the folders; the copy is removed afterwards."""
    shutil.copytree(run.killed if killed else run.clean, into)
    try:
        yield into / DATABASE_NAME
    finally:
        shutil.rmtree(into, ignore_errors=True)


def _scores(store: Store, rng: random.Random, seconds: int = _SCORED_S) -> None:
    begin_s = time.time() - seconds
    for machine in MACHINES:
        rows = [
            ScoreRow(machine, begin_s + i, i, rng.gauss(0.0, 1.0), rng.random(), "OK") for i in range(seconds)
        ]
        states = [
            StateRow(machine, StateKind.DECISION, begin_s + 60 * i, ("OK", "WATCH")[i % 2])
            for i in range(seconds // 60)
        ]
        store.history.add_scores(rows, states)


def _case(store: Store, run: EarlierRun, number: int) -> None:
    """Open, update and close a case whose messages are all delivered."""
    machine = MACHINES[number % len(MACHINES)]
    case = Case(machine, "machine", _now(), f"a tone at {number} kHz", 9.0, 1e-6, _evidence(number))
    sent = [AlertMessage("case.opened", machine, _now(), groups=(0.5,) * 16) for _ in range(3)]
    store.cases.open(case, sent[0])
    store.cases.acknowledge(case.id, "ann", "on my way")
    store.cases.update(replace(case, severity=2), sent[1])
    store.clips.add(
        ClipRow(case.id[:12], case.id, machine, time.time(), 30.0, "full", f"{machine}/{number}", 99)
    )
    store.cases.close(case.id, sent[2], by="ann")
    while due := [
        one for one in store.outbox.due(time.time() + 1.0, SINK) if one.message.id not in run.waiting
    ]:
        for one in due:
            run.keys.add(one.message.id)
            store.outbox.mark_delivered(one)


def _waiting_messages(store: Store, run: EarlierRun) -> None:
    """Leave an open case of a machine and one of a microphone, both with waiting messages, and a dead letter."""
    refused = AlertMessage("test", "compressor", _now())
    store.outbox.queue(refused)
    store.outbox.mark_dead(store.outbox.due(time.time() + 1.0, SINK)[0], "HTTP 400")
    run.keys.add(refused.id)
    for machine, kind in (("compressor", "machine"), ("mill", "sensor")):
        message = AlertMessage("case.opened", machine, _now())
        store.cases.open(
            Case(machine, "machine" if kind == "machine" else "sensor", _now(), "it waits"), message
        )
        run.waiting.add(message.id)
    run.keys |= run.waiting


def _small_tables(store: Store, rng: random.Random) -> None:
    now_s = time.time()
    for number in range(_EVENTS):
        store.history.add_event("state.changed", machine=rng.choice(MACHINES), detail={"number": number})
    store.time_series.add_gaps(GapRow("pump", now_s - i, now_s - i + 0.5, "overflow") for i in range(50))
    store.maintenance.begin("press", 3_600.0, "ann")
    for clip in store.clips.select()[:10]:
        store.clips.log_access(clip, "ann", "play")


def _evidence(number: int) -> dict[str, object]:
    return {"groups": [number / 100.0] * 16, "edges_hz": list(range(0, 8_000, 500))}


def _now() -> str:
    return iso_utc(time.time())
