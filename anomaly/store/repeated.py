"""Repetition of an operation on the database after its file was replaced."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, TypeVar

from anomaly.errors import ConfigError
from anomaly.store.database_error import DAMAGED, DatabaseError

Repository = TypeVar("Repository")


def repeated_after_repair(repository: type[Repository]) -> type[Repository]:
    """Let each public method of a repository run once more if the database could be repaired.

    A method fails as a whole: its transaction was rolled back, so that running it again stores nothing twice. Text that
    cannot be decoded is damage, too: only this program writes the file.
    """
    for name, member in list(vars(repository).items()):
        if not name.startswith("_") and callable(member):
            setattr(repository, name, _repeated(member))
    return repository


def _repeated(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def run(self: Any, *args: Any, **options: Any) -> Any:
        database = self._database
        try:
            return method(self, *args, **options)
        except DatabaseError as error:
            if not database.repair(error):
                raise
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            damage = DatabaseError(f"database: text cannot be decoded: {error}", where=database.path)
            damage.code, damage.file = DAMAGED, database.file_in_use()
            if not database.repair(damage):
                raise
        try:
            return method(self, *args, **options)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"database: text cannot be decoded: {error}", where=database.path) from error

    return run
