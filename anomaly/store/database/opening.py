"""Opening of the database at the newest schema; a damaged file makes way for a new one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from anomaly.errors import ConfigError
from anomaly.store.database.database import Database
from anomaly.store.database.database_error import DatabaseError, explained, missing
from anomaly.store.database.database_file import connect, is_unclean, is_whole, prepare, set_aside, start_lock
from anomaly.store.database.read_only import read_only
from anomaly.store.database.schema import MIGRATIONS
from anomaly.store.database.version_record import newer_schema, version_of


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
            aside = _prepare_or_replace(path)
    else:
        if not path.is_file():
            raise missing(path)
        with explained(path):
            _refuse_foreign(path)
            prepare(path)
    return Database(path, suspect=unclean and aside is None), aside


def _prepare_or_replace(path: Path) -> Path | None:
    """Bring a file to the newest schema, a damaged one after it was set aside; return its new path."""
    try:
        with explained(path):
            _refuse_foreign(path)
            prepare(path)
    except DatabaseError as error:
        if not (error.is_damage or (error.is_doubtful and not _is_sound(path))):
            raise
        aside = set_aside(path)
        prepare(path)
        return aside
    return None


def _refuse_foreign(path: Path) -> None:
    """Refuse a database of a newer version or of another program before anything of it is touched."""
    if not path.is_file() or path.stat().st_size == 0:
        return
    try:
        version = read_only(path, lambda connection: version_of(connection, path))
    except DatabaseError:
        return  # opening it for writing shows what can be done
    if version > MIGRATIONS[-1].version:
        raise newer_schema(path, version)


def _is_sound(path: Path) -> bool:
    """Return whether all pages can be read and agree with each other."""
    try:
        with explained(path), closing(connect(path)) as connection:
            return is_whole(connection)
    except DatabaseError as error:
        if error.is_damage or error.is_doubtful:
            return False
        raise
