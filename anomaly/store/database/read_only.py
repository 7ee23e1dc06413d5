"""Read-only access to a database file that a monitor may be writing to at the same time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from anomaly.store.database.database_error import explained, missing
from anomaly.store.database.database_file import BUSY_TIMEOUT_S

Result = TypeVar("Result")


def read_only(path: Path, query: Callable[[sqlite3.Connection], Result]) -> Result:
    """Run a query on a connection of its own that cannot write.

    The file, its folder and the write-ahead log stay as they are. Without a log no process has the database
    open, and it is read as an immutable file: a read-only connection would otherwise create an empty log that
    belongs to the reader's account. A log that appears meanwhile means that a writer has started: the query is
    repeated beside it.

    Args:
        path: the database.
        query: called with the connection; perhaps twice.

    Raises:
        ConfigError: the file is missing, damaged or cannot be read.
    """
    if not path.is_file():
        raise missing(path)
    log = path.with_name(f"{path.name}-wal")
    if not log.exists():
        try:
            result = _run(path, "immutable=1", query)
        except Exception:
            if not log.exists():
                raise
        else:
            if not log.exists():
                return result
    return _run(path, "mode=ro", query)


def _run(path: Path, mode: str, query: Callable[[sqlite3.Connection], Result]) -> Result:
    with explained(path):
        uri = f"{path.absolute().as_uri()}?{mode}"
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA query_only = ON")
            return query(connection)
