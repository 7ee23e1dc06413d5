"""The database of a site, opened for writing: one SQLite file with scores, events, cases, clips and messages."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from anomaly.store.case_repository import CaseRepository
from anomaly.store.clip_index import ClipIndex
from anomaly.store.database import Database, open_database
from anomaly.store.history import History
from anomaly.store.outbox_queue import OutboxQueue
from anomaly.store.salvage import salvage
from anomaly.store.time_series import TimeSeries

DATABASE_NAME = "anomaly.sqlite"


class Store:
    """Write side of a site's database. Safe to use from several threads.

    For pages and reports that only read, ``StoreReader`` opens the same file read-only.

    Args:
        database: from ``open_database``; ``Store.open`` does both.
        clock: UNIX seconds.
        set_aside: path of the damaged database that was moved out of the way, if there was one.

    Attributes:
        cases: alarms and every change to them.
        history: scores of each second, and events.
        time_series: scores summed up by the minute, states and gaps.
        clips: sound clips and their access log.
        outbox: messages to be delivered.
    """

    def __init__(
        self, database: Database, clock: Callable[[], float] = time.time, *, set_aside: Path | None = None
    ) -> None:
        self.database = database
        self.path = database.path
        self.history = History(database, clock)
        self.time_series = TimeSeries(database)
        self.clips = ClipIndex(database, clock)
        self.outbox = OutboxQueue(database, clock)
        self.cases = CaseRepository(database, self.outbox, clock)
        self.set_aside = set_aside
        if set_aside is not None:
            self._carry_over(set_aside)

    @classmethod
    def open(cls, path: Path, *, create: bool = True, clock: Callable[[], float] = time.time) -> Store:
        """Open the database of a site.

        Args:
            path: the file, ``state_dir() / DATABASE_NAME``.
            create: make it if it is missing, and begin anew if it is damaged (``set_aside`` is then the
                path of the old one); else only open an existing file.
            clock: UNIX seconds.

        Raises:
            ConfigError: the folder is read-only, the schema is newer, the file is another program's,
                or, without ``create``, missing or damaged.
        """
        database, aside = open_database(path, create=create)
        return cls(database, clock, set_aside=aside)

    def check(self) -> Path | None:
        """Read all pages if the last stop was not clean, or damage was met; begin anew if they are broken.

        Open cases and undelivered messages are carried over as far as they can be read. It may take
        seconds, and others may use the store meanwhile.

        Returns:
            Path of the damaged file after it was moved, if there was one.

        Raises:
            ConfigError: the folder cannot be written.
        """
        if not self.database.suspect or self.database.is_sound():
            return None
        self.set_aside = self.database.begin_anew()
        self._carry_over(self.set_aside)
        return self.set_aside

    def close(self) -> None:
        """Close the database for all threads."""
        self.database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _carry_over(self, damaged: Path) -> None:
        carried = salvage(damaged, self.database)
        detail = {"set_aside": str(damaged), "carried_over": carried}
        self.history.add_event("store.damaged", detail=detail)
        self.outbox.notify()
