"""Conversion of stored rows: one that does not hold what this program stores is damage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anomaly.errors import AnomalyError
from anomaly.store.database.database_error import damage_at


@contextmanager
def stored_row(table: str) -> Iterator[None]:
    """Report what cannot be converted inside the block as damage of the database.

    Args:
        table: whose row it is.

    Raises:
        DatabaseError: the row holds no JSON, no known state, or a value of another type.
    """
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, AnomalyError) as error:
        raise damage_at(None, f"database: a row of {table} cannot be read: {error}") from error


def json_object(text: str) -> dict[str, Any]:
    """Return the object that a stored text holds.

    Raises:
        ValueError: it is no JSON.
        TypeError: it is another value than an object.
    """
    value = json.loads(text)
    if not isinstance(value, dict):
        raise TypeError(f"{text[:40]!r} is no object")
    return value
