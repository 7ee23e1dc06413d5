"""Pages of rows and the cursor from one page to the next (keyset pagination).

A cursor names the last row of a page by its sort key, not by its number: rows that are added or removed meanwhile
neither repeat nor hide others.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from anomaly.errors import UsageError

Row = TypeVar("Row")
# Rows in memory at once; a page of scores at this limit is about 3 h of one machine.
MAX_PAGE_ROWS = 10_000
DEFAULT_PAGE_ROWS = 500


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of the rows of a query.

    Args:
        rows: at most as many as the query's limit.
        cursor: argument of the query for the next page; None if there are no more rows.
    """

    rows: tuple[Row, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Position:
    """Place of a row in the order of its table: the value it is sorted by, then a unique value."""

    key: float | str
    tie: int | str


def iterate(fetch: Callable[[str | None], Page[Row]]) -> Iterator[Row]:
    """Yield the rows of all pages, one page in memory at a time.

    Example:
        >>> pages = {None: Page((1, 2), "next"), "next": Page((3,), None)}
        >>> list(iterate(lambda cursor: pages[cursor]))
        [1, 2, 3]
    """
    cursor = None
    while True:
        page = fetch(cursor)
        yield from page.rows
        cursor = page.cursor
        if cursor is None:
            return


def encode_cursor(table: str, position: Position) -> str:
    """Encode a position as text that is safe in a URL."""
    return base64.urlsafe_b64encode(json.dumps([table, position.key, position.tie]).encode()).decode()


def decode_cursor(table: str, cursor: str) -> Position:
    """Decode the text of ``encode_cursor``.

    Raises:
        UsageError: the text is no cursor, or one of another table.
    """
    try:
        name, key, tie = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError) as error:
        raise UsageError("the cursor is damaged", hint="begin with the first page") from error
    if name != table or not isinstance(key, float | int | str) or not isinstance(tie, int | str):
        raise UsageError(f"the cursor does not belong to {table}", hint="begin with the first page")
    return Position(key, tie)
