"""Opening of the database at the newest schema; a damaged file makes way for a new one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from anomaly.errors import ConfigError
from anomaly.store.database import Database
from anomaly.store.database_error import DAMAGE, explained, missing, result_code
from anomaly.store.database_file import is_no_database, is_unclean, prepare, set_aside, start_lock


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
    aside, unclean = None, is_unclean(path)
    if create:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            hint = "give another folder with --state, or as state_dir of the site file"
            raise ConfigError(f"cannot be made: {error.strerror}", where=path.parent, hint=hint) from error
        # Two processes that start together must not both set the file aside.
        with start_lock(path), explained(path):
            if is_no_database(path):
                aside = set_aside(path)
            try:
                prepare(path)
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                damaged = isinstance(error, UnicodeDecodeError) or result_code(error) in DAMAGE
                if not damaged or aside is not None:
                    raise
                aside = set_aside(path)
                prepare(path)
    else:
        if not path.is_file():
            raise missing(path)
        with explained(path):
            prepare(path)
    return Database(path, suspect=unclean and aside is None), aside
