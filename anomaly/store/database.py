"""SQLite file of the store: connections, transactions, and replacement of a damaged file.

Write-ahead log, one connection per thread, writers begin with BEGIN IMMEDIATE and wait for each other.
After an unclean stop all pages are to be read once (``Database.is_sound``). On a year of data that takes seconds, so
it is not done while opening, but later by the process that has opened the file.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from anomaly.errors import ConfigError
from anomaly.store.file_lock import FileLock
from anomaly.store.read_write_lock import ReadWriteLock
from anomaly.store.schema import MIGRATIONS, migrate, version_of

# Wait for another writer: longer than any transaction of the store, the largest of which takes about a second.
BUSY_TIMEOUT_S = 10.0
DAMAGED = sqlite3.SQLITE_CORRUPT
_DAMAGE = (DAMAGED, sqlite3.SQLITE_NOTADB)
# The folder or the disk does not take what is written: full, read-only, without rights, or failing.
_UNWRITABLE = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
)
_HINTS = {
    sqlite3.SQLITE_FULL: "make room on the disk; scoring goes on, and what is queued is kept",
    sqlite3.SQLITE_READONLY: "give this user the right to write here, or choose another folder with --state",
    sqlite3.SQLITE_CANTOPEN: "give this user the right to write here, or choose another folder with --state",
    sqlite3.SQLITE_BUSY: "another process holds the database; see who with `fuser`",
    sqlite3.SQLITE_CORRUPT: "stop the monitor; it sets a damaged file aside at its next start",
    sqlite3.SQLITE_NOTADB: "stop the monitor; it sets a damaged file aside at its next start",
}

# A statement of this program fails in these ways only if the file does not hold what was stored, or by a bug.
_DOUBTFUL = (
    0,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_INTERNAL,
)

log = logging.getLogger(__name__)
FileId = tuple[int, int] | None


class DatabaseError(ConfigError):
    """A statement failed, or the file cannot be used.

    Attributes:
        code: primary result code of SQLite; 0 if there is none.
        file: identity of the file that was used.
    """

    code: int = 0
    file: FileId = None

    @property
    def is_damage(self) -> bool:
        """Return whether the file is damaged."""
        return self.code in _DAMAGE

    @property
    def is_doubtful(self) -> bool:
        """Return whether damage is a possible cause, which reading all pages shows."""
        return self.code in _DOUBTFUL

    @property
    def is_unwritable(self) -> bool:
        """Return whether the folder or the disk does not take what is written."""
        return self.code in _UNWRITABLE


class Database:
    """Open database: one connection for each thread, one transaction for each writer.

    It must not be used across a fork: SQLite forbids it. Open it anew in the child.

    Args:
        path: the file, checked by ``open_database``.
        suspect: its pages are to be checked: the last stop was not a clean one.

    Attributes:
        path: the file in use; `move_to` changes it.
        suspect: also set when damage is met while it is used.
        repair: called with an error of a statement; returns whether the statement may be repeated.
        rolled_back: called after a transaction that was not committed.
    """

    def __init__(self, path: Path, *, suspect: bool = False) -> None:
        self.path = path
        self.suspect = suspect
        self.repair: Callable[[DatabaseError], bool] = lambda _: False
        self.rolled_back: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._usage_lock = ReadWriteLock()
        self._connections: dict[threading.Thread, tuple[sqlite3.Connection, FileId]] = {}

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield this thread's connection for reading.

        Raises:
            ConfigError: the database cannot be read.
        """
        with explained(self.path, self._failed), self._usage_lock.shared():
            yield self._connection()

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Yield this thread's connection inside one transaction: all of it is kept, or nothing.

        Args:
            durable: survive a power cut (synchronous FULL) and not only the death of the process.

        Raises:
            ConfigError: the database cannot be written.
        """
        with explained(self.path, self._failed), self._usage_lock.shared():
            connection = self._connection()
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                self.rolled_back()
                if connection.in_transaction:
                    with suppress(sqlite3.Error):  # of a damaged file; the first error counts
                        connection.execute("ROLLBACK")
                raise

    def is_sound(self) -> bool:
        """Read all pages and compare indexes with tables, while others use the database; return False for damage.

        Raises:
            ConfigError: the database cannot be opened.
        """
        with explained(self.path), closing(connect(self.path)) as connection:
            try:
                sound = bool(connection.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok")
                sound = sound and version_of(connection, self.path) == MIGRATIONS[-1].version
            except sqlite3.DatabaseError as error:
                if _code(error) not in (*_DAMAGE, *_DOUBTFUL):
                    raise
                sound = False
            except (ConfigError, UnicodeDecodeError):  # its tables are gone, or their names cannot be read
                sound = False
        self.suspect = not sound
        return sound

    def begin_anew(self, damaged: FileId = None) -> Path | None:
        """Set a damaged file aside and begin a new one, while other threads wait.

        Args:
            damaged: identity of the file that is meant; default: the one that is there.

        Returns:
            Path of the old file; None if another thread or process has replaced it already.

        Raises:
            ConfigError: the folder cannot be written.
        """
        with explained(self.path), self._usage_lock.exclusive(), _start_lock(self.path):
            if damaged is not None and damaged != _file_id(self.path):
                return None
            self.close()
            aside = _set_aside(self.path)
            prepare(self.path)
            self.suspect = False
        return aside

    def move_to(self, path: Path, before: Callable[[], None]) -> None:
        """Use another file from now on, while other threads wait.

        Args:
            path: the file.
            before: prepares it; if it raises, the old one stays in use.
        """
        with self._usage_lock.exclusive():
            self.close()
            before()
            self.path = path

    def identity(self) -> FileId:
        """Return the identity of the file that is there now."""
        return _file_id(self.path)

    def file_in_use(self) -> FileId:
        """Return the identity of the file that this thread used last."""
        known = self._connections.get(threading.current_thread())
        return _file_id(self.path) if known is None else known[1]

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection, _ in self._connections.values():
                connection.close()
            self._connections.clear()

    def _connection(self) -> sqlite3.Connection:
        thread = threading.current_thread()
        now = _file_id(self.path)
        connection, of = self._connections.get(thread, (None, None))
        if connection is not None and of != now and now is not None:
            # Another process has set the file aside and begun a new one.
            connection.close()
            connection = None
        if connection is None:
            connection = connect(self.path)
            with self._lock:
                for dead in [t for t in self._connections if not t.is_alive()]:
                    self._connections.pop(dead)[0].close()
                self._connections[thread] = (connection, now or _file_id(self.path))
        return connection

    def _failed(self, error: DatabaseError) -> None:
        error.file = self.file_in_use()
        if error.is_damage:
            self.suspect = True


def open_database(path: Path, *, create: bool = True) -> tuple[Database, Path | None]:
    """Open a database at the newest schema; set a damaged file aside and begin a new one.

    Args:
        path: the file.
        create: make a missing file and set a damaged one aside; else only open an existing file.

    Returns:
        The database, and the path of the damaged file after it was moved, if there was one.

    Raises:
        ConfigError: the folder is missing or read-only, the file is damaged (without ``create``),
            of a newer schema, or of another program.
    """
    aside, unclean = None, _is_unclean(path)
    if create:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            hint = "give another folder with --state, or as state_dir of the site file"
            raise ConfigError(f"cannot be made: {error.strerror}", where=path.parent, hint=hint) from error
        # Two processes that start together must not both set the file aside.
        with _start_lock(path), explained(path):
            if _is_no_database(path):
                aside = _set_aside(path)
            try:
                prepare(path)
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                damaged = isinstance(error, UnicodeDecodeError) or _code(error) in _DAMAGE
                if not damaged or aside is not None:
                    raise
                aside = _set_aside(path)
                prepare(path)
    else:
        if not path.is_file():
            raise missing(path)
        with explained(path):
            prepare(path)
    return Database(path, suspect=unclean and aside is None), aside


def missing(path: Path) -> ConfigError:
    """Return the error for a database that does not exist."""
    hint = "`anomaly monitor` makes it; name its folder with --state or ANOMALY_STATE"
    return ConfigError("no database here", where=path, hint=hint)


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection with the settings of the store: autocommit, busy timeout, foreign keys."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def prepare(path: Path) -> None:
    """Make a file, or bring it to the newest schema."""
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        before, after = migrate(connection, path)
        if 0 < before < after:
            log.info("%s: schema migrated from version %d to %d", path, before, after)


def _start_lock(path: Path) -> FileLock:
    return FileLock(path.with_name(f"{path.name}.lock"))


def _is_unclean(path: Path) -> bool:
    """Return whether the last stop was unclean: a clean one empties the write-ahead log."""
    log_file = path.with_name(f"{path.name}-wal")
    return log_file.is_file() and log_file.stat().st_size > 0


def _is_no_database(path: Path) -> bool:
    """Return whether the file's first pages are damaged; read no more than that."""
    if not path.is_file():
        return False
    try:
        with closing(connect(path)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return False
    except sqlite3.DatabaseError as error:
        if _code(error) in _DAMAGE:
            return True
        raise
    except UnicodeDecodeError:
        return True


def _file_id(path: Path) -> FileId:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _set_aside(path: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    for end in ("", "-wal", "-shm"):
        part = path.with_name(f"{path.name}{end}")
        if part.exists():
            part.rename(path.with_name(f"{aside.name}{end}"))
    log.warning("%s: the database is damaged; set aside as %s, a new one begins", path, aside.name)
    return aside


@contextmanager
def explained(path: Path, failed: Callable[[DatabaseError], None] | None = None) -> Iterator[None]:
    """Convert errors of SQLite and of the file system inside the block to ``DatabaseError`` with a hint.

    Args:
        path: the database, named in the error.
        failed: called with the error before it is raised.
    """
    try:
        yield
    except sqlite3.Error as error:
        found = DatabaseError(f"database: {error}", where=path, hint=_HINTS.get(_code(error)))
        found.code = _code(error)
        if failed is not None:
            failed(found)
        raise found from error
    except OSError as error:
        found = DatabaseError(f"cannot be used: {error.strerror or error}", where=path)
        found.code = sqlite3.SQLITE_IOERR
        raise found from error


def _code(error: sqlite3.Error) -> int:
    # The low byte is the primary result code; the rest only refines it.
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
