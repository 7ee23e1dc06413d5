"""SQLite file of the store: connections, transactions, and replacement of a damaged file.

Write-ahead log, one connection per thread, writers begin with BEGIN IMMEDIATE and wait for each other.
After an unclean stop all pages are to be read once (``Database.is_sound``). On a year of data that takes seconds, so
it is not done while opening, but later by the process that has opened the file.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from anomaly.store.database.database_error import DatabaseError, FileId, damage_at, explained, removed
from anomaly.store.database.database_file import (
    connect,
    copy_open,
    file_id,
    is_whole,
    prepare,
    set_aside,
    start_lock,
)
from anomaly.store.database.read_write_lock import ReadWriteLock
from anomaly.store.database.schema import MIGRATIONS, is_complete
from anomaly.store.database.version_record import version_of


class Database:
    """Open database: one connection for each thread, one transaction for each writer.

    It must not be used across a fork: SQLite forbids it. Open it anew in the child.

    Args:
        path: the file, checked by ``opening.open_database``.
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
        self._checking: set[sqlite3.Connection] = set()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield this thread's connection for reading.

        Raises:
            ConfigError: the database cannot be read.
        """
        with explained(self.path, self.note_failure), self._usage_lock.shared():
            yield self._connection()

    @contextmanager
    def reading_anew(self) -> Iterator[sqlite3.Connection]:
        """Yield a new connection for reading: pages that the threads' own have in memory may not be in the file.

        Raises:
            ConfigError: the database cannot be read.
        """
        with self._usage_lock.shared():
            of = self._present()

            def note(error: DatabaseError) -> None:
                error.file = of
                self.note_failure(error)

            with explained(self.path, note), closing(connect(self.path)) as connection:
                yield connection

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Yield this thread's connection inside one transaction: all of it is kept, or nothing.

        Args:
            durable: survive a power cut (synchronous FULL) and not only the death of the process.

        Raises:
            ConfigError: the database cannot be written.
        """
        with explained(self.path, self.note_failure), self._usage_lock.shared():
            connection = self._connection()
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                self.rolled_back()
                _roll_back(connection)
                raise
            try:
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    self.rolled_back()
                    _roll_back(connection)
                # Else nobody knows whether it was committed, until it is repeated.
                raise

    def is_sound(self) -> bool:
        """Read all pages and compare indexes with tables, while others use the database; return False for damage.

        Raises:
            ConfigError: the database cannot be opened.
        """
        try:
            with explained(self.path), self._check_connection() as connection:
                # A newer version of this program may have migrated the file meanwhile: that is no damage.
                known = version_of(connection, self.path) <= MIGRATIONS[-1].version
                sound = is_whole(connection) and (is_complete(connection) or not known)
        except DatabaseError as error:
            if error.code == sqlite3.SQLITE_INTERRUPT:
                return True  # another thread replaces the file
            if not (error.is_damage or error.is_doubtful):
                raise
            sound = False
        self.suspect = not sound
        return sound

    @contextmanager
    def _check_connection(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that is interrupted and closed before the file is replaced.

        The last connection to a file removes the log by its name, which would be that of the new file by then.
        """
        with self._usage_lock.shared(), self._present_connection() as connection:
            self._checking.add(connection)
            try:
                yield connection
            finally:
                self._checking.discard(connection)

    @contextmanager
    def _present_connection(self) -> Iterator[sqlite3.Connection]:
        self._present()
        with closing(connect(self.path)) as connection:
            yield connection

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other thread use the file; one that reads all pages stops."""
        for connection in list(self._checking):
            connection.interrupt()
        with self._usage_lock.exclusive():
            yield

    def begin_anew(
        self, damaged: FileId = None, fill: Callable[[Path], None] = lambda _: None
    ) -> Path | None:
        """Set a damaged file aside and begin a new one, while other threads wait.

        Args:
            damaged: identity of the file that is meant; default: the one that is there.
            fill: gets the path of the old file, and fills the new one before anybody uses it.

        Returns:
            Path of the old file; None if another thread or process has replaced it already.

        Raises:
            ConfigError: the folder cannot be written.
        """
        with explained(self.path), self._alone(), start_lock(self.path):
            if damaged is not None and damaged != file_id(self.path):
                return None
            self.close()
            aside = set_aside(self.path)
            self._begin(aside, fill)
            self.suspect = False
        return aside

    def _begin(self, aside: Path, fill: Callable[[Path], None]) -> None:
        """Make the new file and fill it; one that is damaged at once makes way for another."""
        for again in (True, True, False):
            try:
                with explained(self.path):
                    prepare(self.path)
                    fill(aside)
                    with closing(connect(self.path)) as connection:
                        if not is_complete(connection):
                            raise damage_at(self.path, "database: the new file has lost its tables")
                return
            except DatabaseError as error:
                # A file that was cut has no tables, which shows as a wrong statement.
                if not (again and (error.is_damage or error.is_doubtful)):
                    raise
                set_aside(self.path)

    def move_to(self, path: Path, before: Callable[[], None]) -> None:
        """Use another file from now on, while other threads wait.

        Args:
            path: the file.
            before: prepares it; if it raises, the old one stays in use.
        """
        with self._alone():
            self.close()
            before()
            self.path = path

    def restore_removed(self, path: Path) -> bool:
        """Write the database anew from what open connections still hold of its removed file.

        Args:
            path: its place from now on; another process may have made a file there already, which is then used.

        Returns:
            Whether anything could be read; if not, the database is empty.

        Raises:
            ConfigError: the place takes nothing; the open connections stay as they are.
        """
        with self._alone(), explained(path):
            if file_id(path) is not None:
                self.path = path
                return True
            path.parent.mkdir(parents=True, exist_ok=True)
            rescued = path.with_name(f"{path.name}.rescued")
            kept = any(copy_open(connection, rescued) for connection, _ in self._connections.values())
            # Before the file is there: the last connection to the removed one removes its log by name.
            self.close()
            if kept:
                rescued.replace(path)
            prepare(path)
            self.path = path
        return kept

    def note_failure(self, error: DatabaseError) -> None:
        """Note in an error of a statement on which file it happened; damage makes all pages suspect."""
        if error.file is None:
            error.file = self.file_in_use()
            error.where = error.where or str(self.path)
        self.suspect = self.suspect or error.is_damage

    @property
    def is_used_by_this_thread(self) -> bool:
        """Return whether this thread is inside a transaction or a reading, in which the file cannot be replaced."""
        return self._usage_lock.is_held_by_this_thread

    def identity(self) -> FileId:
        """Return the identity of the file that is there now."""
        return file_id(self.path)

    def file_in_use(self) -> FileId:
        """Return the identity of the file that this thread used last."""
        known = self._connections.get(threading.current_thread())
        return file_id(self.path) if known is None else known[1]

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection, _ in self._connections.values():
                connection.close()
            self._connections.clear()

    def _connection(self) -> sqlite3.Connection:
        thread = threading.current_thread()
        now = self._present()
        connection, of = self._connections.get(thread, (None, None))
        if connection is not None and of != now:
            # Another process has set the file aside and begun a new one.
            connection.close()
            connection = None
        if connection is None:
            connection = connect(self.path)
            with self._lock:
                for dead in [t for t in self._connections if not t.is_alive()]:
                    self._connections.pop(dead)[0].close()
                self._connections[thread] = (connection, now)
        return connection

    def _present(self) -> FileId:
        """Return the identity of the file.

        Raises:
            DatabaseError: it is not there: a connection would make an empty one, or store what nobody finds again.
        """
        found = file_id(self.path)
        if found is None:
            raise removed(self.path)
        return found


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        with suppress(sqlite3.Error):  # of a damaged file; the first error counts
            connection.execute("ROLLBACK")
