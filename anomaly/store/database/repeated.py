"""Repetition of an operation on the database after its file was replaced."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from anomaly.store.database.database_error import DatabaseError

Repository = TypeVar("Repository")
# The new file may be damaged, too, or another thread may have replaced it meanwhile.
_MAX_REPAIRS = 3


def repeated_after_repair(repository: type[Repository]) -> type[Repository]:
    """Let each public method of a repository, also an inherited one, run again if the database could be repaired.

    A method fails as a whole: its transaction was rolled back, so that running it again stores nothing twice. One that
    works inside the transaction of another leaves the repair to that.
    """
    for name, member in inspect.getmembers(repository, inspect.isfunction):
        if not name.startswith("_"):
            setattr(repository, name, _repeated(member))
    return repository


def _repeated(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def run(self: Any, *args: Any, **options: Any) -> Any:
        repairs = 0
        while True:
            try:
                return method(self, *args, **options)
            except DatabaseError as error:
                self._database.note_failure(error)
                if self._database.is_used_by_this_thread:
                    raise
                if repairs == _MAX_REPAIRS or not self._database.repair(error):
                    self._database.rolled_back()
                    raise
            repairs += 1

    return run
