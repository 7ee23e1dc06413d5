"""Version of a database's schema, told from a damaged record of it by independent signs.

The record is the table ``migrations``; the file's header repeats the version (``user_version``) beside the mark of this
program (``application_id``). A newer database, and one of another program, is left alone; a record that contradicts
itself is damage.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from anomaly.errors import ConfigError
from anomaly.store.database.database_error import DAMAGE, DOUBTFUL, damage_at, result_code
from anomaly.store.database.schema import MIGRATIONS, Migration, table_names

APPLICATION_ID = int.from_bytes(b"anom", "big")
# A header that names a version so far ahead is damaged.
_MAX_AHEAD = 100


def version_of(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS
) -> int:
    """Return the schema version of an open database, 0 for a new one.

    Raises:
        DatabaseError: the record of the version is damaged.
        ConfigError: the file is a database of some other program.
    """
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    marked = _pragma(connection, "application_id") == APPLICATION_ID
    if "migrations" not in tables:
        # Half of the names are enough: the others may be what is damaged.
        if not marked and 2 * len(tables & table_names(migrations)) < len(table_names(migrations)):
            if tables:
                raise _other_program(path)
            return 0
        raise damage_at(path, "the table with the version of its schema is gone")
    version = _recorded(connection, migrations)
    stamp = _pragma(connection, "user_version") if marked else 0
    newest = migrations[-1].version
    if version is None and newest < stamp <= newest + _MAX_AHEAD:
        return stamp
    if version is None or version < stamp <= newest:
        raise damage_at(path, "the record of its schema's version is damaged")
    return version


def stamp(connection: sqlite3.Connection, version: int) -> None:
    """Repeat the version in the header of the file, with the mark of this program, unless it is there already."""
    for name, value in (("application_id", APPLICATION_ID), ("user_version", version)):
        if _pragma(connection, name) != value:
            connection.execute(f"PRAGMA {name} = {value}")


def newer_schema(path: Path, version: int) -> ConfigError:
    """Return the error for a database that a newer anomaly has written."""
    return ConfigError(
        f"has schema version {version}, this anomaly knows versions up to {MIGRATIONS[-1].version}",
        where=path,
        hint="update anomaly, or choose another folder with --state",
    )


def _other_program(path: Path) -> ConfigError:
    hint = "choose another folder with --state, ANOMALY_STATE or state_dir in site.yaml"
    return ConfigError("is a database of another program", where=path, hint=hint)


def _recorded(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> int | None:
    """Return the newest version in the record; None if it cannot be what any version of this program has written."""
    try:
        rows = [tuple(row) for row in connection.execute("SELECT version, name, applied_s FROM migrations")]
    except sqlite3.Error as error:
        if result_code(error) not in (*DAMAGE, *DOUBTFUL):
            raise
        return None
    except UnicodeDecodeError:
        return None
    if not rows or not all(_is_plausible(*row) for row in rows):
        return None
    known = [(step.version, step.name) for step in migrations]
    present = sorted((version, name) for version, name, _ in rows if version <= known[-1][0])
    newest = max(version for version, _, _ in rows)
    if present != known[: len(present)] or (newest > known[-1][0] and len(present) < len(known)):
        return None
    return int(newest)


def _is_plausible(version: object, name: object, applied_s: object) -> bool:
    return (
        isinstance(version, int)
        and version > 0
        and isinstance(name, str)
        and name.isprintable()
        and bool(name)
        and isinstance(applied_s, int | float)
        and math.isfinite(applied_s)
        and applied_s >= 0
    )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
