"""Service on a store as the monitor runs it, in a process of its own, that reports each decision and delivery.

Scores, states, cases, events, gaps and clips are stored by one thread, messages are delivered by another, and a third
checks, sums up and tidies all the time.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import random
import sqlite3
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from anomaly.alerts import AlertMessage, Case, Dispatcher, RetryPolicy, ScoreRow, Store, iso_utc
from anomaly.errors import AnomalyError, UsageError
from anomaly.store.cases.case import SEVERITIES
from anomaly.store.database.rows import ClipRow, GapRow, StateRow
from anomaly.store.retention import Retention, tidy
from anomaly.store.state_kinds import StateKind
from lib.monitor.store_content import MACHINES, SINK

_DRAIN_S = 15.0
_PAUSE_S = 0.01


class Reporter:
    """Writes reports to a pipe, one JSON array a line, from several threads.

    Args:
        file: descriptor of the pipe.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._lock = threading.Lock()

    def __call__(self, *report: Any) -> None:
        line = (json.dumps(report) + "\n").encode()
        with self._lock:
            os.write(self._file, line)


class ReportingSink:
    """Sink that reports what it receives.

    Args:
        report: gets the key of each message, its event and its case.
    """

    name = SINK

    def __init__(self, report: Reporter) -> None:
        self._report = report

    def deliver(self, message: AlertMessage) -> None:
        """Report a message."""
        self._report("received", message.id, message.event, message.case.id if message.case else "")

    def close(self) -> None:
        """Do nothing."""


def run_service(
    path: Path, seed: str, steps: int, report: Reporter, wait: Callable[[], None], log: Path
) -> None:
    """Run the service to its end, or to the error that ends it, which is reported.

    Args:
        path: the database.
        seed: of the decisions.
        steps: number of decisions; with 0 only what waits is delivered.
        report: gets ``step`` before each decision, ``queued`` (also of the store's own messages) and ``decided`` with
            the key of a message, ``received``,
            ``crash`` with its text, and ``end``.
        wait: called after each ``step``.
        log: file for what the library logs, and for the stacks of all threads of a service that hangs.
    """
    logging.basicConfig(
        filename=log, force=True, level=logging.INFO, format="%(threadName)s %(name)s %(message)s"
    )
    with log.open("a", encoding="utf-8") as file:
        faulthandler.enable(file, all_threads=False)
        faulthandler.dump_traceback_later(2.5 * _DRAIN_S, file=file)
        try:
            _serve(path, random.Random(seed), steps, report, wait)
        except BaseException as error:  # whatever ends the service is reported
            file.write(traceback.format_exc())
            report("crash", f"{type(error).__name__}: {str(error)[:120]}")
        faulthandler.cancel_dump_traceback_later()
    report("end")


def _serve(path: Path, rng: random.Random, steps: int, report: Reporter, wait: Callable[[], None]) -> None:
    retry = RetryPolicy(first_s=0.01, longest_s=0.05)
    with (
        Store.open_resilient(path) as store,
        Dispatcher(store, [ReportingSink(report)], retry=retry, poll_s=_PAUSE_S) as dispatcher,
    ):
        ended = threading.Event()
        background = threading.Thread(target=_tend, args=(store, ended, report), name="background")
        background.start()
        try:
            decisions = Decisions(store, rng, report)
            for number in range(steps):
                report("step", number)
                wait()
                decisions.step(MACHINES[number % len(MACHINES)])
        finally:
            ended.set()
            background.join()
        store.check()
        report("drained", dispatcher.drain(_DRAIN_S))


def _tend(store: Store, ended: threading.Event, report: Reporter) -> None:
    """Do what the monitor does in the background, where an error of the project's own is logged and tried again."""
    jobs = (
        store.check,
        store.time_series.sum_up,
        lambda: store.clips.select(),
        lambda: None if store.fault else tidy(store, Retention(), time.time()),
    )
    while not ended.wait(_PAUSE_S):
        for job in jobs:
            try:
                job()
            except AnomalyError as error:
                logging.getLogger(__name__).warning("background: %s", error)
            except Exception as error:
                logging.getLogger(__name__).exception("background")
                report("crash", f"background: {type(error).__name__}: {str(error)[:100]}")


class Decisions:
    """Decisions of a monitor: each step stores the sound of ten seconds and changes the case of a machine.

    Args:
        store: where they are stored.
        rng: chooses the change.
        report: gets the keys of the messages.
    """

    def __init__(self, store: Store, rng: random.Random, report: Reporter) -> None:
        self._store, self._rng, self._report = store, rng, report
        enqueue = store.outbox.enqueue

        def reported(connection: sqlite3.Connection, message: AlertMessage) -> None:
            report("queued", message.id)
            enqueue(connection, message)

        store.outbox.enqueue = reported  # type: ignore[method-assign]
        self._cases: dict[str, Case] = {}
        self._second = 0

    def step(self, machine: str) -> None:
        """Make one decision."""
        store, now_s = self._store, time.time()
        self._second += 10
        rows = [ScoreRow(machine, now_s + i, self._second + i, 9.0, 1e-9, "ALARM") for i in range(10)]
        store.history.add_scores(rows, [StateRow(machine, StateKind.DECISION, now_s, self._rng.choice("AB"))])
        store.history.add_event("state.changed", machine=machine, detail={"second": self._second})
        self._look(machine)
        case = self._cases.get(machine)
        if case is None:
            self._open(machine)
        else:
            self._change(case)

    def _open(self, machine: str) -> None:
        case = Case(machine, "machine", _now(), "it sounds wrong", 9.0, 1e-9, {"groups": [0.5] * 16})
        message = self._message("case.opened", machine)
        now = self._store.cases.open(case, message)
        if now is not None:
            self._cases[machine] = now
            if now.id == case.id:
                self._report("decided", message.id)

    def _change(self, case: Case) -> None:
        cases, kind, began = self._store.cases, self._rng.random(), _now()
        rises = case.severity < len(SEVERITIES)
        message = self._message("case.closed" if kind > 0.7 else "case.escalated", case.machine)
        del self._cases[case.machine]
        try:
            if kind < 0.5:
                case = replace(case, severity=min(len(SEVERITIES), case.severity + 1))
                self._cases[case.machine] = case
                changed = cases.update(case, message).is_open and rises
            elif kind < 0.7:
                changed = (cases.mark_returned(case.id, message).returned_at or "") >= began
            else:
                changed = (cases.close(case.id, message).closed_at or "") >= began
        except UsageError:  # the monitor reports a case that was lost with its database, and opens another
            return
        if changed:  # else it was so already, as far as the database knows
            self._report("decided", message.id)

    def _message(self, event: Any, machine: str) -> AlertMessage:
        return AlertMessage(event, machine, _now(), score=9.0, state="ALARM", groups=(0.5,) * 16)

    def _look(self, machine: str) -> None:
        """Read and write what the monitor does beside its decisions."""
        store, kind = self._store, self._rng.random()
        if kind < 0.25:
            store.time_series.add_gaps([GapRow(machine, time.time(), time.time() + 1.0, "lost")])
        elif kind < 0.5:
            name = f"{self._rng.getrandbits(48):012x}"
            store.clips.add(
                ClipRow(name, "0" * 32, machine, time.time(), 30.0, "full", f"{machine}/{name}", 9)
            )
        elif kind < 0.75:
            store.history.last_score(machine)
            store.cases.select(open_only=True, machine=machine)
            store.time_series.states(machine, StateKind.DECISION)
        else:
            store.history.events(machine=machine, name="state.changed", since=iso_utc(time.time() - 600.0))


def _now() -> str:
    return iso_utc(time.time())
