"""Database in memory that stands in for a disk that takes nothing: where it lies, who uses it, how it is merged.

The file lies in the shared memory of the system, under a name that other processes of the same state folder find. A
lock beside it tells whether its process lives: what one has left that was killed is taken over by the next.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import sqlite3
import stat
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from anomaly.store.database.database_error import explained
from anomaly.store.database.database_file import connect
from anomaly.store.database.file_lock import FileLock, is_locked

_SHARED_MEMORY = Path("/dev/shm")
_OWNER, _VISITOR = "in-use.lock", "visitor.lock"
# Rows that are not there yet are added, by the columns that tell them apart, under row numbers of the disk's database.
_ADDED = (
    ("scores", "machine, time_s, second, score, p_value, state", "machine, time_s, second"),
    ("events", "time, event, machine, case_id, detail", "time, event, machine, case_id, detail"),
    ("states", "machine, kind, time_s, state", "machine, kind, time_s, state"),
    ("gaps", "machine, begin_s, end_s, reason", "machine, begin_s, end_s, reason"),
    ("clip_access", "clip_id, case_id, time, who, how, note", "clip_id, time, who, how"),
)
_MERGE_CASES = (
    # One of an earlier version, without the note of what was copied from the disk.
    "CREATE TABLE IF NOT EXISTS memory.carried_cases AS SELECT * FROM memory.cases WHERE 0",
    # The database allows one open case of a kind: one on the disk that was replaced in memory is over.
    "UPDATE main.cases SET state = 'closed', closed_at = (SELECT max(opened_at) FROM memory.cases AS m"
    " WHERE m.machine = main.cases.machine AND m.kind = main.cases.kind AND m.state != 'closed')"
    " WHERE state != 'closed' AND id NOT IN (SELECT id FROM memory.cases) AND EXISTS (SELECT 1 FROM memory.cases AS m"
    " WHERE m.machine = main.cases.machine AND m.kind = main.cases.kind AND m.state != 'closed')",
    # Only what was changed in memory: another process may have changed the others on the disk.
    "INSERT OR REPLACE INTO main.cases SELECT * FROM memory.cases EXCEPT SELECT * FROM memory.carried_cases",
    "INSERT OR IGNORE INTO main.cases SELECT * FROM memory.cases",
    "INSERT OR IGNORE INTO main.clips SELECT * FROM memory.clips",
    "INSERT OR IGNORE INTO main.sinks SELECT * FROM memory.sinks",
    "UPDATE main.maintenance SET ended_s = m.ended_s FROM memory.maintenance AS m"
    " WHERE m.machine = main.maintenance.machine AND m.begin_s = main.maintenance.begin_s"
    " AND main.maintenance.ended_s IS NULL",
    "INSERT OR IGNORE INTO main.maintenance (machine, begin_s, end_s, ended_s, who, note)"
    " SELECT machine, begin_s, end_s, ended_s, who, note FROM memory.maintenance AS m WHERE NOT EXISTS ("
    "SELECT 1 FROM main.maintenance AS d WHERE d.machine = m.machine AND d.begin_s = m.begin_s) ORDER BY id",
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


@dataclass(frozen=True)
class MemoryDatabase:
    """Database in memory of this process.

    Args:
        path: the file.
        owner: lock that tells others that this process lives.
        taken_over: an earlier process has left it, with all that it had stored.
    """

    path: Path
    owner: FileLock
    taken_over: bool

    def remove(self) -> None:
        """Remove the file and its folder."""
        remove(self.path)
        self.owner.release()


def claim(home: Path, *, take_over: bool = False) -> MemoryDatabase:
    """Make the folder of a new database in memory, or take over one that an earlier process has left.

    Raises:
        ConfigError: there is no room in memory either.
    """
    for path in abandoned(home) if take_over else []:
        owner = FileLock(path.with_name(_OWNER))
        if owner.acquire(wait=False):
            return MemoryDatabase(path, owner, taken_over=True)
    folder = _base() / f"{_prefix(home, os.getuid())}-{os.getpid()}-{secrets.token_hex(4)}"
    with explained(folder):
        folder.mkdir(mode=0o700)
    owner = FileLock(folder / _OWNER)
    owner.acquire(wait=False)
    return MemoryDatabase(folder / home.name, owner, taken_over=False)


def abandoned(home: Path) -> list[Path]:
    """Return the databases in memory that processes of this user left which ended before the disk took anything."""
    found = [folder for folder in _folders(home, "*") if folder.lstat().st_uid == os.getuid()]
    return [path for path in _files(found, home) if not is_locked(path.with_name(_OWNER))]


def in_use(home: Path) -> list[Path]:
    """Return the databases in memory of processes that run now, the one that was written last first."""
    return [path for path in _files(_folders(home, "*"), home) if is_locked(path.with_name(_OWNER))]


def is_hidden(home: Path) -> bool:
    """Return whether a process has a database in memory that this user may not read."""
    return any(not os.access(folder, os.R_OK | os.X_OK) for folder in _folders(home, "*"))


def visitor_lock(memory: Path) -> FileLock:
    """Return the lock of a command that changes a database in memory: it is not moved to the disk meanwhile."""
    return FileLock(memory.with_name(_VISITOR))


def remove(path: Path) -> None:
    """Remove a database in memory and its folder."""
    shutil.rmtree(path.parent, ignore_errors=True)


def note_carried(memory: Path) -> None:
    """Note which cases were copied from the disk: of those only what is changed in memory goes back.

    Raises:
        ConfigError: there is no room in memory.
    """
    with explained(memory), closing(connect(memory)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS carried_cases AS SELECT * FROM cases")


def _files(folders: list[Path], home: Path) -> list[Path]:
    found = [folder / home.name for folder in folders if os.access(folder / home.name, os.R_OK)]
    return sorted(found, key=_written_s, reverse=True)


def _written_s(path: Path) -> float:
    log = path.with_name(f"{path.name}-wal")
    return max((file.stat().st_mtime for file in (path, log) if file.exists()), default=0.0)


def _folders(home: Path, user: str) -> list[Path]:
    """Return the folders of a state folder's databases in memory that belong to this user or to the state folder's."""
    owners = {os.getuid()}
    with suppress(OSError):
        owners.add(home.parent.stat().st_uid)
    found = []
    for folder in _base().glob(f"{_prefix(home, user)}-*"):
        with suppress(OSError):
            status = folder.lstat()
            if stat.S_ISDIR(status.st_mode) and status.st_uid in owners:
                found.append(folder)
    return found


def _base() -> Path:
    return _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else Path(tempfile.gettempdir())


def _prefix(home: Path, user: int | str) -> str:
    return f"anomaly-{user}-{hashlib.sha256(str(home.absolute()).encode()).hexdigest()[:16]}"


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
        f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM memory.{table} AS m WHERE NOT EXISTS ("
        f"SELECT 1 FROM main.{table} AS d WHERE {_same(keys)}) ORDER BY rowid"
        for table, columns, keys in _ADDED
    ]


def _same(keys: str) -> str:
    return " AND ".join(f"d.{key} IS m.{key}" for key in keys.split(", "))
