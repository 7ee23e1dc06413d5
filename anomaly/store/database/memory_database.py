"""Database in memory that stands in for a disk that takes nothing: where it lies, and how it is merged into the disk's.

The file lies in the shared memory of the system, under a name that the next process of the same state folder finds.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import stat
import tempfile
from contextlib import closing, suppress
from pathlib import Path

from anomaly.errors import ConfigError
from anomaly.store.database.database_error import explained
from anomaly.store.database.database_file import connect

_SHARED_MEMORY = Path("/dev/shm")
# Rows that are not there yet are added; row numbers are those of the disk's database.
_ADDED = (
    ("scores", "machine, time_s, second, score, p_value, state"),
    ("events", "time, event, machine, case_id, detail"),
    ("states", "machine, kind, time_s, state"),
    ("gaps", "machine, begin_s, end_s, reason"),
    ("clip_access", "clip_id, case_id, time, who, how, note"),
)
_MERGE_CASES = (
    # The database allows one open case of a kind: one on the disk that was replaced in memory is over.
    "UPDATE main.cases SET state = 'closed', closed_at = (SELECT max(opened_at) FROM memory.cases AS m"
    " WHERE m.machine = main.cases.machine AND m.kind = main.cases.kind AND m.state != 'closed')"
    " WHERE state != 'closed' AND id NOT IN (SELECT id FROM memory.cases) AND EXISTS (SELECT 1 FROM memory.cases AS m"
    " WHERE m.machine = main.cases.machine AND m.kind = main.cases.kind AND m.state != 'closed')",
    "INSERT OR REPLACE INTO main.cases SELECT * FROM memory.cases",
    "INSERT OR IGNORE INTO main.clips SELECT * FROM memory.clips",
    "INSERT OR IGNORE INTO main.sinks SELECT * FROM memory.sinks",
)
_MERGE_OUTBOX = (
    "INSERT OR IGNORE INTO main.outbox (message_id, case_id, queued_s, body)"
    " SELECT message_id, case_id, queued_s, body FROM memory.outbox ORDER BY id",
    "INSERT OR IGNORE INTO main.deliveries (outbox_id, sink, lane, status, attempts, next_try_s, finished_s, error)"
    " SELECT o.id, d.sink, d.lane, d.status, d.attempts, d.next_try_s, d.finished_s, d.error"
    " FROM memory.deliveries d JOIN memory.outbox m ON m.id = d.outbox_id"
    " JOIN main.outbox o ON o.message_id = m.message_id ORDER BY d.id",
    # What was delivered from memory is not delivered again.
    "UPDATE main.deliveries SET status = n.status, finished_s = n.finished_s, error = n.error"
    " FROM (SELECT o.id AS outbox_id, d.sink, d.status, d.finished_s, d.error FROM memory.deliveries d"
    " JOIN memory.outbox m ON m.id = d.outbox_id JOIN main.outbox o ON o.message_id = m.message_id"
    " WHERE d.status != 'pending') AS n"
    " WHERE main.deliveries.outbox_id = n.outbox_id AND main.deliveries.sink = n.sink"
    " AND main.deliveries.status = 'pending'",
)


def memory_path(home: Path) -> Path:
    """Return the file that stands in for a database; its folder is made, and belongs to this user alone.

    Raises:
        ConfigError: there is no room in memory either, or the folder belongs to somebody else.
    """
    folder = _base() / f"{_name(home)}-{os.getpid()}"
    with explained(folder):
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise ConfigError("belongs to somebody else", where=folder)
    return folder / home.name


def left_over(home: Path) -> list[Path]:
    """Return the databases in memory that processes left which ended before the disk took anything."""
    return [
        folder / home.name
        for folder in _base().glob(f"{_name(home)}-*")
        if (folder / home.name).is_file()
        and folder.lstat().st_uid == os.getuid()
        and not Path("/proc", folder.name.rpartition("-")[2]).exists()
    ]


def _base() -> Path:
    return _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else Path(tempfile.gettempdir())


def _name(home: Path) -> str:
    return f"anomaly-{os.getuid()}-{hashlib.sha256(str(home.absolute()).encode()).hexdigest()[:16]}"


def remove(path: Path) -> None:
    """Remove a database in memory and its folder."""
    shutil.rmtree(path.parent, ignore_errors=True)


def merge(memory: Path, into: Path) -> None:
    """Add all that was stored in memory to the database on the disk, in one transaction.

    Raises:
        ConfigError: the disk still takes nothing, or one of the files is damaged.
    """
    with explained(into), closing(connect(into)) as connection:
        connection.execute("ATTACH DATABASE ? AS memory", (str(memory),))
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in (*_added(), *_MERGE_CASES, *_MERGE_OUTBOX):
                connection.execute(statement)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise


def _added() -> list[str]:
    return [
        f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM memory.{table} ORDER BY rowid"
        for table, columns in _ADDED
    ]
