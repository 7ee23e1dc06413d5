"""Speed and memory of the outbox, in a process of its own.

    python outbox_throughput.py MESSAGES

Prints JSON: ``events_per_second``, ``events_per_cpu_second``, ``drain_per_second`` and ``drain_peak_mib``.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

from anomaly.alerts import DATABASE_NAME, AlertMessage, Case, Dispatcher, Store, iso_utc
from anomaly.store.outbox.delivery_table import enqueue

_EVENTS = 3_000
_MACHINES = 200
_EVIDENCE = {"groups": [0.1] * 16, "edges_hz": [500.0 * k for k in range(17)]}


class CountingSink:
    """Sink that confirms each message at once."""

    keyed = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0
        self.reached = threading.Event()
        self.wanted = 0

    def deliver(self, message: AlertMessage) -> None:
        """Count a message."""
        self.count += 1
        if self.count >= self.wanted:
            self.reached.set()

    def close(self) -> None:
        """Nothing is open."""


def events_per_second(folder: Path) -> tuple[float, float]:
    """Store changes of cases as the monitor and people make them, while two sinks get the messages.

    Returns:
        Events a second, and events a second of one core.
    """
    sinks = [CountingSink("a"), CountingSink("b")]
    with Store.open(folder / DATABASE_NAME) as store, Dispatcher(store, sinks, poll_s=0.05) as dispatcher:
        begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
        for number in range(_EVENTS):
            machine, now = f"m{number % _MACHINES}", iso_utc(time.time())
            case = store.cases.select(open_only=True, machine=machine)
            if case:
                store.cases.comment(case[0].id, f"number {number}", "ann")
            else:
                store.cases.open(Case(machine, "machine", now, "it sounds wrong", evidence=_EVIDENCE))
        while not dispatcher.drain(5.0):
            continue
        return _EVENTS / (time.perf_counter() - begun_s), _EVENTS / (time.process_time() - begun_cpu_s)


def drain(folder: Path, messages: int) -> tuple[float, float]:
    """Deliver what has piled up in an outage; return messages a second, and the growth of the memory in MiB."""
    sink = CountingSink("a")
    sink.wanted = messages
    with Store.open(folder / DATABASE_NAME) as store:
        store.outbox.subscribe([sink.name])
        with store.database.transaction() as connection:
            for number in range(messages):
                enqueue(connection, _message(number), time.time())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begun_s = time.perf_counter()
        with Dispatcher(store, [sink]) as dispatcher:
            sink.reached.wait()
            while not dispatcher.drain(5.0):
                continue
            seconds = time.perf_counter() - begun_s
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return messages / seconds, grown / 1024.0


def _message(number: int) -> AlertMessage:
    machine, now = f"m{number % _MACHINES}", iso_utc(time.time())
    case = Case(machine, "machine", now, "it sounds wrong", evidence=_EVIDENCE, id=f"{number // 5:032x}")
    return AlertMessage("case.commented", machine, now, case=case, note=f"number {number}")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        rate, cpu_rate = events_per_second(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        drained, grown = drain(Path(folder), int(sys.argv[1]))
    print(
        json.dumps(
            {
                "events_per_second": round(rate, 1),
                "events_per_cpu_second": round(cpu_rate, 1),
                "drain_per_second": round(drained, 1),
                "drain_peak_mib": round(grown, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
