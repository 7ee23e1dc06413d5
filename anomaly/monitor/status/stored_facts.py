"""Facts that are stored of a site: on the disk, and in memory while the disk of a running monitor takes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anomaly.errors import AnomalyError
from anomaly.store.cases.case import FEEDBACK, Case
from anomaly.store.cases.maintenance import MaintenanceRow, in_force
from anomaly.store.current import memory_databases, stale_fault
from anomaly.store.database.rows import DeliveryCount, EventRow
from anomaly.store.machine_summary import MachineSummary, machine_summary, stored_machines
from anomaly.store.page import Page, iterate
from anomaly.store.reader import PageRequest, StoreReader

# Version of the schema that has the table.
_WITH_MAINTENANCE = 5
_NOTHING_STORED = MachineSummary(None, {}, 0)


@dataclass(frozen=True)
class DatabaseStatus:
    """Database of the site.

    Args:
        path: the file on the disk.
        bytes: its size with its write-ahead log; None where there is none yet.
        error: why it cannot be read, if so.
        memory: the file in memory that a running monitor uses instead.
        fault: why the disk takes nothing, and what to do; "" while there is no sign of that.
    """

    path: Path
    bytes: int | None
    error: str | None
    memory: Path | None = None
    fault: str = ""

    @property
    def is_stale(self) -> bool:
        """Return whether a monitor may know newer facts that cannot be read."""
        return bool(self.fault) and self.memory is None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return {
            "path": str(self.path),
            "bytes": self.bytes,
            "ok": self.error is None and not self.fault,
            "error": self.error,
            "in_memory": None if self.memory is None else str(self.memory),
            "fault": self.fault or None,
        }


class StoredFacts:
    """Reads what is stored of the machines of a site; of each from the database that knows the newest.

    Args:
        path: the file on the disk, which need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._readers: list[StoreReader] = []
        error, memory, fault = None, None, ""
        try:
            in_memory = memory_databases(path)
        except AnomalyError:
            in_memory = []  # it has just been moved to the disk
        if in_memory:
            memory, fault = in_memory[0].reader.path, in_memory[0].fault
            self._readers = [database.reader for database in in_memory]
        else:
            fault = stale_fault(path)
        parts = [part for part in (path, path.with_name(f"{path.name}-wal")) if part.exists()]
        size = sum(part.stat().st_size for part in parts) if path.is_file() else None
        if size is not None:
            try:
                self._readers.append(_checked(path))
            except AnomalyError as unreadable:
                error = str(unreadable)
        self.database = DatabaseStatus(path, size, error, memory, fault)

    @property
    def is_empty(self) -> bool:
        """Return whether nothing can be read."""
        return not self._readers

    def machines(self) -> list[str]:
        """Return the names of all machines of which something is stored."""
        return sorted({name for reader in self._readers for name in stored_machines(reader)})

    def summary(self, machine: str) -> MachineSummary:
        """Return the newest facts of a machine; its scored seconds are those of all databases."""
        found = [machine_summary(reader, machine) for reader in self._readers]
        if not found:
            return _NOTHING_STORED
        newest = max(found, key=_last_s)
        return replace(newest, scored_s=sum(one.scored_s for one in found))

    def open_cases(self, machine: str) -> list[Case]:
        """Return the open cases of a machine, newest first."""
        reader = self._newest(machine)
        return [] if reader is None else _cases(reader, machine, open_only=True)

    def opened(self, machine: str) -> set[str]:
        """Return the identifiers of all machine cases of a machine."""
        cases = (_cases(reader, machine, open_only=False) for reader in self._readers)
        return {case.id for found in cases for case in found if case.kind == "machine"}

    def feedback(self, machine: str) -> Iterable[EventRow]:
        """Yield the feedback on cases of a machine, oldest first."""
        for reader in reversed(self._readers):
            yield from _feedback(reader, machine)

    def maintenance(self, now_s: float) -> dict[str, MaintenanceRow]:
        """Return the maintenance that people have begun and that goes on, by machine."""

        def rows(connection: sqlite3.Connection, version: int) -> list[MaintenanceRow]:
            return in_force(connection, now_s) if version >= _WITH_MAINTENANCE else []

        return {row.machine: row for reader in self._readers[:1] for row in reader.read(rows)}

    def delivery_counts(self) -> list[DeliveryCount]:
        """Return the deliveries of each sink by status, as the database knows them that is in use."""
        return self._readers[0].delivery_counts() if self._readers else []

    def _newest(self, machine: str) -> StoreReader | None:
        """Return the database with the newest second of a machine: each monitor has one of its own in memory."""
        return max(self._readers, key=lambda reader: _last_s(machine_summary(reader, machine)), default=None)


def _last_s(summary: MachineSummary) -> float:
    return float("-inf") if summary.last is None else summary.last.time_s


def _checked(path: Path) -> StoreReader:
    """Return a reader of which all that is needed here can be read."""
    reader = StoreReader(path)
    for machine in stored_machines(reader):
        machine_summary(reader, machine)
    reader.delivery_counts()
    return reader


def _cases(reader: StoreReader, machine: str, *, open_only: bool) -> list[Case]:
    def fetch(cursor: str | None) -> Page[Case]:
        return reader.cases(PageRequest(machine, newest_first=True, cursor=cursor), open_only=open_only)

    return list(iterate(fetch))


def _feedback(reader: StoreReader, machine: str) -> Iterable[EventRow]:
    return iterate(lambda cursor: reader.events(PageRequest(machine, cursor=cursor), name=FEEDBACK))
