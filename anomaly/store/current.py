"""Database of a site that is current: on the disk, or in memory while the disk of a running monitor takes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anomaly.disk_space import disk_fault
from anomaly.store.database import memory_database
from anomaly.store.database.file_lock import is_locked
from anomaly.store.reader import PageRequest, StoreReader
from anomaly.store.recovery.store_repair import STORE_FAILED

_NEWEST = PageRequest(newest_first=True, limit=1)
_HIDDEN = "a monitor of another user keeps its database in memory; ask as that user, or as root"


@dataclass(frozen=True)
class CurrentDatabase:
    """Database to read, and the state of the one on the disk.

    Args:
        reader: reads what is current, as far as this user may.
        in_memory: that is a database in memory.
        fault: why the disk takes nothing, and what to do; "" while there is no sign of that.
    """

    reader: StoreReader
    in_memory: bool
    fault: str

    @property
    def is_stale(self) -> bool:
        """Return whether newer facts exist, or may exist, that cannot be read here."""
        return bool(self.fault) and not self.in_memory

    def note(self) -> str:
        """Return what a person must know who reads from it; "" if nothing."""
        if self.in_memory:
            return f"read from the memory of the running monitor: {self.fault}"
        return f"this may be out of date: {self.fault}" if self.fault else ""


def current_database(home: Path) -> CurrentDatabase:
    """Find the database of a site that is current.

    Args:
        home: the file on the disk.

    Raises:
        ConfigError: there is none.
    """
    if found := memory_databases(home):
        return found[0]
    return CurrentDatabase(StoreReader(home), False, stale_fault(home))


def memory_databases(home: Path) -> list[CurrentDatabase]:
    """Return the databases in memory of the monitors that run, the one that was written last first."""
    readers = [StoreReader(path) for path in memory_database.in_use(home)]
    return [CurrentDatabase(reader, True, _fault(reader)) for reader in readers]


def stale_fault(home: Path) -> str:
    """Return why the file on the disk may be older than what a monitor knows; "" if there is no sign of that."""
    if memory_database.is_hidden(home):
        return _HIDDEN
    if not any(is_locked(lock) for lock in home.parent.glob("monitor-*.lock")):
        return ""  # no monitor runs
    fault = disk_fault(home.parent)
    return "" if fault is None else str(fault)


def _fault(reader: StoreReader) -> str:
    """Return the reason that the monitor has stored with its database in memory."""
    rows = reader.events(_NEWEST, name=STORE_FAILED).rows
    return str(rows[0].detail.get("reason", "")) if rows else "the disk takes nothing"
