"""Migration of a database from each older version of the schema to the newest."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from anomaly.store.database.schema import MIGRATIONS, Migration
from anomaly.store.database.version_record import newer_schema, stamp, version_of


def migrate(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS
) -> tuple[int, int]:
    """Bring a database to the newest schema in one transaction; return the versions before and after.

    Raises:
        ConfigError: the database was written by a newer anomaly, or by another program, or its version record is
            damaged.
    """
    newest = migrations[-1].version
    before = version_of(connection, path, migrations)
    if before == newest:
        with suppress(sqlite3.OperationalError):  # a full disk, or another writer: the next opening does it
            stamp(connection, newest)
        return before, newest
    connection.execute("BEGIN IMMEDIATE")
    try:
        before = version_of(connection, path, migrations)  # another process may have been faster
        if before > newest:
            raise newer_schema(path, before)
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations"
            " (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_s REAL NOT NULL)"
        )
        for step in migrations:
            if step.version > before:
                _apply(connection, step)
        stamp(connection, newest)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return before, newest


def _apply(connection: sqlite3.Connection, step: Migration) -> None:
    for statement in step.statements:
        connection.execute(statement)
    connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (step.version, step.name, time.time()))
