"""The monitor's memory: scores, events, cases and the outbox, in one SQLite file.

A case and the message about it are committed in one transaction: nothing is sent that was not stored,
and nothing that is to be sent is lost. A method that changes a case reads it again inside its
transaction, so that the monitor and a person at another terminal never undo each other.
"""

from __future__ import annotations

import dataclasses
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from anomaly.errors import UsageError
from anomaly.store import case_repository
from anomaly.store.case import Case, CaseState, iso_utc
from anomaly.store.clip_index import ClipIndex
from anomaly.store.database import Database, open_database
from anomaly.store.history import History, log_event
from anomaly.store.message import AlertMessage, MessageEvent
from anomaly.store.outbox_queue import OutboxQueue, enqueue
from anomaly.store.rows import EventRow
from anomaly.store.salvage import salvage
from anomaly.store.time_series import TimeSeries

DATABASE_NAME = "anomaly.sqlite"
LONGEST_SILENCE_S = 30 * 86_400.0


class Store(History, OutboxQueue, TimeSeries, ClipIndex):
    """Scores, events, cases, clips and outgoing messages of one site. Safe to use from several threads.

    Args:
        database: from ``open_database``; ``Store.open`` does both.
        clock: UNIX seconds.
        set_aside: where a damaged database was moved to, if there was one.
    """

    def __init__(
        self, database: Database, clock: Callable[[], float] = time.time, *, set_aside: Path | None = None
    ) -> None:
        History.__init__(self, database, clock)
        OutboxQueue.__init__(self, database, clock)
        TimeSeries.__init__(self, database)
        ClipIndex.__init__(self, database, clock)
        self.database = database
        self.path = database.path
        self.set_aside = set_aside
        if set_aside is not None:
            self._take_over(set_aside)

    @classmethod
    def open(cls, path: Path, *, create: bool = True, clock: Callable[[], float] = time.time) -> Store:
        """Open the database of a site.

        Args:
            path: the file, ``state_dir() / DATABASE_NAME``.
            create: make it if it is missing, and begin anew if it is damaged (``set_aside`` then says
                where the old one lies); else only open what is there.
            clock: UNIX seconds.

        Raises:
            ConfigError: the folder is read-only, the schema is newer, the file is another program's,
                or, without ``create``, missing or damaged.
        """
        database, aside = open_database(path, create=create)
        return cls(database, clock, set_aside=aside)

    def check(self) -> Path | None:
        """Read all pages if the last stop was not clean, or damage was met; begin anew if they are broken.

        Open cases and what is still to be told are carried over as far as they can be read. It may take
        seconds, and others may use the store meanwhile.

        Returns:
            Where the damaged file lies now, if there was one.

        Raises:
            ConfigError: the folder cannot be written.
        """
        if not self.database.suspect or self.database.is_sound():
            return None
        self.set_aside = self.database.begin_anew()
        self._take_over(self.set_aside)
        return self.set_aside

    def _take_over(self, damaged: Path) -> None:
        kept = salvage(damaged, self.database)
        self.add_event("store.damaged", detail={"set_aside": str(damaged), "carried_over": kept})
        self._committed()

    def close(self) -> None:
        """Close the database for all threads."""
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open_case(self, case: Case, message: AlertMessage | None = None) -> Case | None:
        """Open a case and queue the message about it, both or neither.

        Calling it again while the alarm lasts, or after a crash, is harmless.

        Returns:
            The case that is open now: ``case``; or the one of its kind that was open already, active
            again if it had returned; or None where an open sensor case inhibits a machine case.
        """
        with self._database.transaction() as connection:
            present = case_repository.open_by_kind(connection, case.machine)
            old = present.get(case.kind)
            if old is None and "sensor" in present:
                return None
            new = case if old is None else old.merged(case).again()
            case_repository.save(connection, new)
            if old is None:
                self._tell(connection, new, "case.opened", message)
            elif new.state != old.state:
                self._tell(connection, new, "case.updated", message, {"change": "again"})
        self._committed()
        return new

    def update_case(self, case: Case, message: AlertMessage | None = None) -> Case:
        """Keep newer measurements of an open case (peak, smallest p-value, summary, evidence).

        The state and what people did to the case stay as stored. Told only if there is a message. A case
        that was lost with a damaged database is kept anew.

        Returns:
            The case as stored now; it may have been closed by somebody.
        """
        with self._database.transaction() as connection:
            old = case_repository.get(connection, case.id) or case
            if not old.is_open:
                return old
            new = old.merged(case)
            case_repository.save(connection, new)
            if message is not None:
                self._tell(connection, new, "case.updated", message)
        self._committed()
        return new

    def return_case(self, case_id: str, message: AlertMessage | None = None) -> Case:
        """Note that the sound is normal again: closed if acknowledged, else waiting for that."""
        at = self._now()
        return self._change(
            case_id, lambda old: old.returned(at), "case.updated", message, {"change": "returned"}
        )

    def close_case(
        self, case_id: str, message: AlertMessage | None = None, *, by: str | None = None, note: str = ""
    ) -> Case:
        """End a case whatever its state, as a person may, or the monitor when a microphone is back."""
        at = self._now()
        return self._change(case_id, lambda old: old.closed(at), "case.closed", message, _who(by, note))

    def acknowledge(self, case_id: str, by: str, note: str = "") -> Case:
        """Note that a person knows; a case whose sound is normal again is closed by that.

        Raises:
            UsageError: there is no such case, or it is closed.
        """
        at = self._now()

        def change(old: Case) -> Case:
            return old if old.state == CaseState.ACTIVE_ACKNOWLEDGED else old.acknowledged(by, at)

        return self._change(case_id, change, "case.acknowledged", None, _who(by, note))

    def silence(self, case_id: str, for_s: float, by: str, note: str = "") -> Case:
        """Hold back the messages about a case for some seconds, 0 to end that; its closing is still told.

        Raises:
            UsageError: there is no such case, it is closed, or the time is longer than 30 days.
        """
        if not 0 <= for_s <= LONGEST_SILENCE_S:
            raise UsageError(
                f"a case cannot be silenced for {for_s / 86_400:g} days",
                hint=f"at most {LONGEST_SILENCE_S / 86_400:g} days: an endless silence hides the next fault",
            )
        until = iso_utc(self._clock() + for_s)
        detail = _who(by, note) | {"change": "silenced", "until": until}
        return self._change(
            case_id, lambda old: old.silenced(until), "case.updated", None, detail, always=True
        )

    def cases(self, *, open_only: bool = False, machine: str | None = None) -> list[Case]:
        """Cases, newest first."""
        with self._database.reading() as connection:
            return case_repository.listed(connection, open_only=open_only, machine=machine)

    def case(self, case_id: str) -> Case:
        """One case by its identifier, or by the first digits of it if no other begins so.

        Raises:
            UsageError: none begins so, or several do.
        """
        with self._database.reading() as connection:
            return case_repository.find(connection, case_id)

    def _now(self) -> str:
        return iso_utc(self._clock())

    def _change(
        self,
        case_id: str,
        change: Callable[[Case], Case],
        event: MessageEvent,
        message: AlertMessage | None,
        detail: Mapping[str, Any],
        *,
        always: bool = False,
    ) -> Case:
        with self._database.transaction() as connection:
            old = case_repository.find(connection, case_id)
            new = change(old)
            if new == old:
                return old
            case_repository.save(connection, new)
            told: MessageEvent = event if new.is_open else "case.closed"
            self._tell(connection, new, told, message, detail, always=always)
        self._committed()
        return new

    def _tell(
        self,
        connection: sqlite3.Connection,
        case: Case,
        event: MessageEvent,
        message: AlertMessage | None,
        detail: Mapping[str, Any] | None = None,
        *,
        always: bool = False,
    ) -> None:
        base = message or AlertMessage(event, case.machine, self._now())
        told = dataclasses.replace(base, event=event, machine=case.machine, case=case)
        log_event(connection, EventRow(told.time, event, case.machine, case.id, detail or {}))
        if always or event in ("case.opened", "case.closed") or not case.is_silenced(self._now()):
            enqueue(connection, told, self._clock())


def _who(by: str | None, note: str) -> dict[str, Any]:
    return {"by": by, "note": note} if by or note else {}
