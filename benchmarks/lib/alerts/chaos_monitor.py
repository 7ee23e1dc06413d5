"""Process that decides on cases and delivers their messages until it is killed: the monitor of the chaos benchmark.

    python chaos_monitor.py DATABASE EVENTS KIND=PORT …

It prints ``event CASE`` after the commit of each event, and ``done`` when so many are stored and all are delivered.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import replace
from pathlib import Path

from anomaly.alerts import AlertMessage, Case, Dispatcher, RetryPolicy, Store, iso_utc
from lib.alerts.chaos_sinks import sink

MACHINES = 40
_PAUSE_S = 0.01


def stored_events(store: Store) -> int:
    """Return the number of messages that the outbox has ever taken."""
    with store.database.reading() as connection:
        return int(connection.execute("SELECT count(*) FROM outbox").fetchone()[0])


def change(store: Store, rng: random.Random) -> str | None:
    """Make one change of the case of a random machine; return the case, or None if nothing had to change."""
    machine, now = f"m{rng.randrange(MACHINES)}", iso_utc(time.time())
    case = next(iter(store.cases.select(open_only=True, machine=machine)), None)
    if case is None:
        opened = store.cases.open(
            Case(machine, "machine", now, "it sounds wrong"), AlertMessage("case.opened", machine, now)
        )
        return None if opened is None else opened.id
    new = _changed(store, case, rng.randrange(6), now)
    return None if new == case else case.id


def _changed(store: Store, case: Case, step: int, now: str) -> Case | None:
    """Return the case after a change; None for a comment, which changes nothing but its history."""
    if step == 0:
        return store.cases.acknowledge(case.id, "ann")
    if step == 1:
        return store.cases.update(replace(case, severity=min(3, case.severity + 1)))
    if step == 2:
        return store.cases.mark_returned(case.id)
    if step == 3:
        return store.cases.close(case.id, by="ann", finding="other")
    store.cases.comment(case.id, f"seen at {now}", "ann")
    return None


def main() -> None:
    """Run until killed, or until all events are stored and delivered."""
    path, wanted = Path(sys.argv[1]), int(sys.argv[2])
    sinks = [sink(kind, int(port), path.parent) for kind, port in (word.split("=") for word in sys.argv[3:])]
    rng, retry = random.Random(), RetryPolicy(first_s=0.02, longest_s=0.5)
    with (
        Store.open_resilient(path) as store,
        Dispatcher(store, sinks, retry=retry, poll_s=0.02) as dispatcher,
    ):
        print("ready", flush=True)
        while stored_events(store) < wanted:
            case = change(store, rng)
            if case is not None:
                print("event", case, flush=True)
            time.sleep(_PAUSE_S)
        while not dispatcher.drain(5.0):
            continue
        print("done", flush=True)


if __name__ == "__main__":
    main()
