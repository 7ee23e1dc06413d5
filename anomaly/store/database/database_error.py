"""Errors of the database: SQLite's result codes, their kinds, and advice for people."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from anomaly.errors import ConfigError

DAMAGED = sqlite3.SQLITE_CORRUPT
# A log or an index of it whose parts contradict each other shows as a violation of the locking protocol.
DAMAGE = (DAMAGED, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_PROTOCOL)
# A file that ends too early, or whose file system reports damage, takes what is written.
_SHORT = (sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS)
# The folder or the disk does not take what is written: full, read-only, without rights, or failing.
UNWRITABLE = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_HINTS = {
    sqlite3.SQLITE_FULL: "make room on the disk; scoring goes on, and what is queued is kept",
    sqlite3.SQLITE_READONLY: "give this user the right to write here, or choose another folder with --state",
    sqlite3.SQLITE_CANTOPEN: "give this user the right to write here, or choose another folder with --state",
    sqlite3.SQLITE_BUSY: "another process holds the database; see who with `fuser`",
    sqlite3.SQLITE_CORRUPT: "stop the monitor; it sets a damaged file aside at its next start",
    sqlite3.SQLITE_NOTADB: "stop the monitor; it sets a damaged file aside at its next start",
}
# A statement of this program fails in these ways only if the file does not hold what was stored, or by a bug.
DOUBTFUL = (
    0,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_INTERNAL,
)

FileId = tuple[int, int] | None


class DatabaseError(ConfigError):
    """A statement failed, or the file cannot be used.

    Attributes:
        code: primary result code of SQLite; 0 if there is none.
        file: identity of the file that was used.
        is_removed: somebody has removed the file while it was used.
    """

    code: int = 0
    file: FileId = None
    is_removed: bool = False

    @property
    def is_damage(self) -> bool:
        """Return whether the file is damaged."""
        return self.code in DAMAGE

    @property
    def is_doubtful(self) -> bool:
        """Return whether damage is a possible cause, which reading all pages shows."""
        return self.code in DOUBTFUL

    @property
    def is_unwritable(self) -> bool:
        """Return whether the folder or the disk does not take what is written."""
        return self.code in UNWRITABLE


def missing(path: Path) -> ConfigError:
    """Return the error for a database that does not exist."""
    hint = "`anomaly monitor` makes it; name its folder with --state or ANOMALY_STATE"
    return ConfigError("no database here", where=path, hint=hint)


def removed(path: Path) -> DatabaseError:
    """Return the error for a database that somebody has removed while it was used."""
    found = DatabaseError("database: the file was removed", where=path)
    found.code, found.is_removed = sqlite3.SQLITE_CANTOPEN, True
    return found


def damage_at(path: Path | None, message: str) -> DatabaseError:
    """Return the error for content of a database that this program cannot have written."""
    found = DatabaseError(message, where=path, hint=_HINTS[DAMAGED])
    found.code = DAMAGED
    return found


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
        found = DatabaseError(f"database: {error}", where=path, hint=_HINTS.get(result_code(error)))
        found.code = result_code(error)
        if failed is not None:
            failed(found)
        raise found from error
    except UnicodeDecodeError as error:  # the name of a table, in the text of an error
        found = damage_at(path, f"database: text cannot be decoded: {error}")
        if failed is not None:
            failed(found)
        raise found from error
    except DatabaseError as error:
        error.where = error.where or str(path)
        if failed is not None:
            failed(error)
        raise
    except OSError as error:
        found = DatabaseError(f"cannot be used: {error.strerror or error}", where=path)
        found.code = sqlite3.SQLITE_FULL if error.errno in _FULL else sqlite3.SQLITE_IOERR
        raise found from error


def result_code(error: sqlite3.Error) -> int:
    """Return the primary result code of SQLite, 0 if there is none; that of damage also for text that is no text."""
    code = int(getattr(error, "sqlite_errorcode", 0) or 0)
    if code in _SHORT or (not code and str(error).startswith("Could not decode to UTF-8")):
        return DAMAGED
    # The low byte is the primary result code; the rest only refines it.
    return code & 0xFF
