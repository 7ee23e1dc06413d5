"""Repair of the store of a running monitor: a damaged or removed file is replaced, a disk that takes nothing by memory.

The monitor goes on deciding and alerting with the new database; open cases and messages are carried over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from anomaly.disk_space import disk_fault
from anomaly.errors import ConfigError
from anomaly.store.database import memory_database
from anomaly.store.database.database_error import DatabaseError, FileId
from anomaly.store.database.database_file import prepare
from anomaly.store.database.memory_database import MemoryDatabase
from anomaly.store.database.opening import open_database
from anomaly.store.recovery.salvage import KEPT_IN_MEMORY, salvage

if TYPE_CHECKING:
    from anomaly.store.store import Store

STORE_FAILED = "store.failed"
STORE_REMOVED = "store.removed"

log = logging.getLogger(__name__)


class StoreRepair:
    """Repairs the database of a store whenever a statement fails; part of ``Store``.

    Args:
        store: its database is used for as long as this exists.
        home: the file on the disk.

    Attributes:
        fault: reason why the disk is not used, and what to do; "" while it is.
    """

    def __init__(self, store: Store, home: Path) -> None:
        self._store, self._home = store, home
        self._lock = threading.RLock()
        self._busy = False
        self._memory: MemoryDatabase | None = None
        self.fault = ""
        store.database.repair = self.repair

    def begin_in_memory(self, memory: MemoryDatabase, reason: str) -> None:
        """Note that the store has begun in memory, for this reason."""
        self._memory, self.fault = memory, self._named(reason)
        log.warning("the database is kept in memory until the disk takes it: %s", self.fault)
        self._note_fault(reason)

    def repair(self, error: DatabaseError) -> bool:
        """Replace what has failed; return whether the statement may be repeated."""
        with self._lock:
            if self._busy:
                return False  # a statement of the repair itself
            if not error.is_removed and error.file not in (None, self._store.database.identity()):
                return True  # another thread or process has replaced it
            self._busy = True
            try:
                if error.is_removed or self._store.database.identity() is None:
                    return self._restore()
                if error.is_damage or (error.is_doubtful and not self._store.database.is_sound()):
                    return self._replace(error.file)
                return error.is_unwritable and self._go_to_memory(error.message)
            except ConfigError as second:
                log.error("the database cannot be repaired: %s", second)
                return False
            finally:
                self._busy = False

    def return_to_disk(self) -> None:
        """Move what was stored in memory to the disk if it takes it now; else stay there."""
        with self._lock:
            memory = self._memory
            if memory is None or self._busy:
                return
            visitor = memory_database.visitor_lock(memory.path)
            self._busy = True
            try:
                if not visitor.acquire(wait=False):
                    return  # a person's command changes it now
                self._store.database.move_to(self._home, lambda: self._merge(memory.path))
                memory.remove()
                self._memory, self.fault = None, ""
            except ConfigError as error:
                self.fault = self._named(error.message)
                log.debug("the disk takes nothing yet: %s", error)
            finally:
                visitor.release()
                self._busy = False

    def close(self) -> None:
        """Move what is in memory to the disk if that takes it now; else leave it to the next process."""
        self.return_to_disk()
        if self._memory is not None:
            self._memory.owner.release()

    def _merge(self, memory: Path) -> None:
        database, aside = open_database(self._home)
        try:
            memory_database.merge(memory, self._home)
        except DatabaseError as error:
            if not error.is_damage and database.is_sound():
                raise
            aside = database.begin_anew()
            memory_database.merge(memory, self._home)
        finally:
            database.close()
        if aside is not None:
            self._store.set_aside = aside

    def _replace(self, damaged: FileId) -> bool:
        """Set the damaged file aside, or use memory where the folder takes no new one."""
        before = self._store.set_aside
        try:
            self._store.replace(damaged)
        except ConfigError as error:
            aside = self._store.set_aside
            return self._go_to_memory(error.message, () if aside == before or aside is None else (aside,))
        return True

    def _restore(self) -> bool:
        """Write a file anew that somebody has removed, or its folder, with what open connections still hold of it."""
        database = self._store.database
        place = database.path
        if database.identity() is not None:
            return True  # another thread was faster
        try:
            kept = database.restore_removed(place)
        except ConfigError as error:
            if self._memory is not None:
                raise
            memory = memory_database.claim(self._home)
            kept = database.restore_removed(memory.path)
            self.begin_in_memory(memory, error.message)
        what = "with all that it held" if kept else "empty: nothing of it could be read any more"
        log.warning("%s: the database or its folder was removed; it was made anew, %s", place, what)
        self._store.outbox.recall()
        self._store.history.add_event(STORE_REMOVED, detail={"path": str(place), "kept": kept})
        return True

    def _go_to_memory(self, reason: str, asides: Sequence[Path] = ()) -> bool:
        """Go on in memory, with what can be read of the file on the disk, and of one that was just set aside."""
        if self._memory is not None:
            return False  # memory is full, too
        memory = memory_database.claim(self._home)

        def fill() -> None:
            prepare(memory.path)
            for file in (self._home, *asides):
                if file.is_file():
                    salvage(file, memory.path, closed_cases=KEPT_IN_MEMORY)
            memory_database.note_carried(memory.path)

        self._store.database.move_to(memory.path, fill)
        self.begin_in_memory(memory, reason)
        self._store.outbox.recall()
        return True

    def _note_fault(self, reason: str) -> None:
        """Store the cause in memory: those who read it there say why, and it goes to the disk with the rest."""
        fault = disk_fault(self._home.parent, reason)
        detail = {"reason": self.fault, "cause": None if fault is None else fault.cause}
        self._store.history.add_event(STORE_FAILED, detail=detail)

    def _named(self, reason: str) -> str:
        return str(disk_fault(self._home.parent, reason) or reason)
