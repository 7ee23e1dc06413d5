"""Repair of the store of a running monitor: a damaged file is replaced, a disk that takes nothing by memory.

The monitor goes on deciding and alerting with the new database; open cases and messages are carried over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from anomaly.disk_space import free_bytes
from anomaly.errors import ConfigError
from anomaly.store.database import memory_database
from anomaly.store.database.database_error import DatabaseError, FileId
from anomaly.store.database.database_file import prepare
from anomaly.store.database.opening import open_database
from anomaly.store.recovery.salvage import salvage

if TYPE_CHECKING:
    from anomaly.store.store import Store

# With less free space the smallest transaction and its log fail.
_FULL_BYTES = 65_536

log = logging.getLogger(__name__)


class StoreRepair:
    """Repairs the database of a store whenever a statement fails; part of ``Store``.

    Args:
        store: its database is used for as long as this exists.
        home: the file on the disk.
        fault: reason why the database is in memory already.

    Attributes:
        fault: reason why the disk is not used; "" while it is.
    """

    def __init__(self, store: Store, home: Path, fault: str = "") -> None:
        self._store, self._home = store, home
        self._lock = threading.RLock()
        self._busy = False
        self.fault = fault and _named(fault, home)
        store.database.repair = self.repair

    def repair(self, error: DatabaseError) -> bool:
        """Replace what has failed; return whether the statement may be repeated."""
        with self._lock:
            if self._busy:
                return False  # a statement of the repair itself
            if error.file is not None and error.file != self._store.database.identity():
                return True  # another thread or process has replaced it
            self._busy = True
            try:
                if error.is_damage or (error.is_doubtful and not self._store.database.is_sound()):
                    return self._replace(error.file)
                return error.is_unwritable and self._go_to_memory(str(error))
            except ConfigError as second:
                log.error("the database cannot be repaired: %s", second)
                return False
            finally:
                self._busy = False

    def return_to_disk(self) -> None:
        """Move what was stored in memory to the disk if it takes it now; else stay there."""
        with self._lock:
            if not self.fault or self._busy:
                return
            self._busy = True
            try:
                memory = self._store.database.path
                self._store.database.move_to(self._home, lambda: self._merge(memory))
                memory_database.remove(memory)
                self.fault = ""
            except ConfigError as error:
                log.debug("the disk takes nothing yet: %s", error)
            finally:
                self._busy = False

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
            return self._go_to_memory(str(error), () if aside == before or aside is None else (aside,))
        return True

    def _go_to_memory(self, reason: str, asides: Sequence[Path] = ()) -> bool:
        """Go on in memory, with what can be read of the file on the disk, and of one that was just set aside."""
        if self.fault:
            return False  # memory is full, too
        memory = memory_database.memory_path(self._home)
        log.warning("the database is kept in memory until the disk takes it: %s", _named(reason, self._home))

        def fill() -> None:
            prepare(memory)
            for file in (self._home, *asides):
                if file.is_file():
                    salvage(file, memory)

        self._store.database.move_to(memory, fill)
        self.fault = _named(reason, self._home)
        self._store.outbox.recall()
        return True


def _named(reason: str, home: Path) -> str:
    """Name a full disk: SQLite often reports it as an error of input and output."""
    try:
        free = free_bytes(home.parent)
    except OSError:
        return reason
    return f"the disk of {home.parent} is full: {reason}" if free < _FULL_BYTES else reason
