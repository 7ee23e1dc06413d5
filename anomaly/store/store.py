"""The database of a site, opened for writing: one SQLite file with scores, events, cases, clips and messages."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from pathlib import Path

from anomaly.errors import ConfigError
from anomaly.store.cases.case_repository import CaseRepository
from anomaly.store.cases.history import History
from anomaly.store.cases.maintenance import Maintenance
from anomaly.store.clip_index import ClipIndex
from anomaly.store.database import memory_database
from anomaly.store.database.database import Database
from anomaly.store.database.database_error import DatabaseError, FileId
from anomaly.store.database.file_lock import FileLock
from anomaly.store.database.opening import open_database
from anomaly.store.outbox.delivery_changes import DeliveryChanges
from anomaly.store.outbox.outbox_queue import OutboxQueue
from anomaly.store.recovery.salvage import KEPT_IN_MEMORY, salvage
from anomaly.store.recovery.store_repair import StoreRepair
from anomaly.store.time_series import TimeSeries

DATABASE_NAME = "anomaly.sqlite"
UNDELIVERED = "undelivered"
"""Folder beside the database with a second copy of each message that no sink has confirmed."""

log = logging.getLogger(__name__)


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
        deliveries: changes that people make to the outbox.
        maintenance: machines that people work on.
        path: the file on the disk.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float] = time.time,
        *,
        set_aside: Path | None = None,
        home: Path | None = None,
    ) -> None:
        self.database = database
        self.path = database.path if home is None else home
        self._repair: StoreRepair | None = None
        self._visitor: FileLock | None = None
        self.history = History(database, clock)
        self.time_series = TimeSeries(database)
        self.clips = ClipIndex(database, clock)
        self.outbox = OutboxQueue(database, clock, self.path.with_name(UNDELIVERED))
        self.deliveries = DeliveryChanges(database, self.outbox.notify, clock)
        self.maintenance = Maintenance(database, clock)
        self.cases = CaseRepository(database, self.outbox, clock)
        self.set_aside = set_aside
        if set_aside is not None:
            self._note_damage(set_aside, salvage(set_aside, database.path))

    @classmethod
    def open(cls, path: Path, *, create: bool = True, clock: Callable[[], float] = time.time) -> Store:
        """Open the database of a site.

        Args:
            path: the file, ``state_dir() / DATABASE_NAME``.
            create: make it if it is missing, and begin anew if it is damaged (``set_aside`` is then the
                path of the old one); else only open an existing file, or the one in memory that a running
                monitor uses because the disk takes nothing.
            clock: UNIX seconds.

        Raises:
            ConfigError: the folder is read-only, the schema is newer, the file is another program's,
                or, without ``create``, missing or damaged.
        """
        if not create and (memory := memory_database.in_use(path)):
            visitor = memory_database.visitor_lock(memory[0])
            visitor.acquire()
            if memory[0].is_file():
                store = cls(open_database(memory[0], create=False)[0], clock, home=path)
                store._visitor = visitor
                return store
            visitor.release()  # it has just been moved to the disk
        database, aside = open_database(path, create=create)
        return cls(database, clock, set_aside=aside)

    @classmethod
    def open_resilient(cls, path: Path, *, clock: Callable[[], float] = time.time) -> Store:
        """Open the database of a site for a monitor that goes on whatever happens to the file.

        A file that is found damaged at any statement is set aside and replaced, and all pages are read once in the
        background. While the disk takes nothing, the database lies in memory, and ``fault`` is the reason.

        Raises:
            ConfigError: the folder cannot be made, the schema is newer, or the file is another program's.
        """
        try:
            database, aside = open_database(path)
            _take_over(path)
        except ConfigError as error:
            if not _is_passing(error, path):
                raise
            return cls._open_in_memory(path, error.message, clock)
        database.suspect = aside is None
        store = cls(database, clock, set_aside=aside)
        store._repair = StoreRepair(store, path)
        store.outbox.recall()
        return store

    @classmethod
    def _open_in_memory(cls, path: Path, reason: str, clock: Callable[[], float]) -> Store:
        """Open a database in memory: that of an earlier process, or a new one with what the disk still holds."""
        memory = memory_database.claim(path, take_over=True)
        store = cls(open_database(memory.path)[0], clock, home=path)
        if path.is_file():
            salvage(path, memory.path, closed_cases=KEPT_IN_MEMORY)
        memory_database.note_carried(memory.path)
        for other in memory_database.abandoned(path):
            memory_database.merge(other, memory.path)
            memory_database.remove(other)
        store._repair = StoreRepair(store, path)
        store._repair.begin_in_memory(memory, reason)
        store.outbox.recall()
        return store

    @property
    def fault(self) -> str:
        """Reason why the disk is not used, and the database is in memory; "" while it is."""
        return "" if self._repair is None else self._repair.fault

    def check(self) -> Path | None:
        """Read all pages if the last stop was not clean, or damage was met; begin anew if they are broken.

        Open cases and undelivered messages are carried over as far as they can be read. It may take
        seconds, and others may use the store meanwhile.

        Returns:
            Path of the damaged file after it was moved, if there was one.

        Raises:
            ConfigError: the folder cannot be written.
        """
        if self._repair is not None and self._repair.fault:
            self._repair.return_to_disk()
            return None
        checked = self.database.identity()
        if self._repair is not None and self.outbox.misses_deliveries():
            self.database.suspect = True
            self.outbox.restore()
        if not self.database.suspect or self.database.is_sound():
            return None
        return self.replace(checked)

    def replace(self, damaged: FileId) -> Path | None:
        """Set a damaged file aside and begin a new one with what can be read of its open cases and messages.

        Args:
            damaged: identity of the file.

        Returns:
            Path of the damaged file after it was moved; None if another thread or process was faster.

        Raises:
            ConfigError: the folder cannot be written.
        """
        carried: dict[str, int] = {}

        def fill(aside: Path) -> None:
            self.set_aside = aside
            carried.update(salvage(aside, self.database.path))

        aside = self.database.begin_anew(damaged, fill)
        if aside is not None:
            self._note_damage(aside, carried)
        return aside

    def _note_damage(self, damaged: Path, carried: dict[str, int]) -> None:
        """Queue again what was lost with a damaged file, and store that it was set aside."""
        self.outbox.recall()
        detail = {"set_aside": str(damaged), "carried_over": carried}
        self.history.add_event("store.damaged", detail=detail)
        self.outbox.notify()

    def close(self) -> None:
        """Close the database for all threads; what is in memory is moved to the disk if that takes it now."""
        if self._repair is not None:
            self._repair.close()
        self.database.close()
        if self._visitor is not None:
            self._visitor.release()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _take_over(path: Path) -> None:
    """Store what earlier processes kept in memory.

    Raises:
        ConfigError: the disk takes nothing.
    """
    for memory in memory_database.abandoned(path):
        try:
            memory_database.merge(memory, path)
        except DatabaseError as error:
            if error.is_unwritable:
                raise
            log.warning("what an earlier process kept in memory is damaged: %s", error)
            salvage(memory, path)
        memory_database.remove(memory)


def _is_passing(error: ConfigError, path: Path) -> bool:
    """Return whether an existing folder takes nothing now: full, read-only, or without rights."""
    if not path.parent.is_dir():
        return False
    cause = error.__cause__
    if isinstance(error, DatabaseError):
        return error.is_unwritable
    return isinstance(cause, OSError) and cause.errno in (
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
    )
