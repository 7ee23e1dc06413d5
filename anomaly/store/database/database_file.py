"""File of the database on the disk: connection, schema, lock, and setting aside when it is damaged."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from anomaly.store.database.database_error import UNWRITABLE, FileId, result_code
from anomaly.store.database.file_lock import FileLock
from anomaly.store.database.migration import migrate

# Wait for another writer: longer than any transaction of the store, the largest of which takes about a second.
BUSY_TIMEOUT_S = 10.0

log = logging.getLogger(__name__)


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection with the settings of the store: autocommit, busy timeout, foreign keys."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def prepare(path: Path) -> None:
    """Create a database file, or migrate an existing one to the newest schema."""
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        before, after = migrate(connection, path)
        if 0 < before < after:
            log.info("%s: schema migrated from version %d to %d", path, before, after)


def start_lock(path: Path) -> FileLock:
    """Return the lock that keeps two processes from setting one file aside."""
    return FileLock(path.with_name(f"{path.name}.lock"))


def is_unclean(path: Path) -> bool:
    """Return whether the last stop was unclean: a clean one empties the write-ahead log."""
    log_file = path.with_name(f"{path.name}-wal")
    return log_file.is_file() and log_file.stat().st_size > 0


def is_whole(connection: sqlite3.Connection) -> bool:
    """Read all pages, compare indexes with tables and tables with each other; return false for a fault."""
    if connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
        return False
    return connection.execute("PRAGMA foreign_key_check").fetchone() is None


def file_id(path: Path) -> FileId:
    """Return the identity of the file that has this name now, None without one."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def copy_open(connection: sqlite3.Connection, path: Path) -> bool:
    """Copy what an open connection reads, also of a file that was removed; return whether it could be read.

    Raises:
        sqlite3.Error: the copy cannot be written.
    """
    path.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(path)) as copy:
            connection.backup(copy)
    except sqlite3.Error as error:
        path.unlink(missing_ok=True)
        if result_code(error) in UNWRITABLE:
            raise
        log.debug("an open connection to a removed database cannot be read: %s", error)
        return False
    return True


def set_aside(path: Path) -> Path:
    """Rename a damaged file with its log; return its new path."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    for end in ("", "-wal", "-shm"):
        part = path.with_name(f"{path.name}{end}")
        if part.exists():
            part.rename(path.with_name(f"{aside.name}{end}"))
    log.warning("%s: the database is damaged; set aside as %s, a new one begins", path, aside.name)
    return aside
