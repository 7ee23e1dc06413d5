"""Cursors and iteration over pages."""

from __future__ import annotations

import base64

import pytest

from anomaly.errors import UsageError
from anomaly.store.page import Page, Position, decode_cursor, encode_cursor, iterate


@pytest.mark.parametrize("position", [Position(1.25, 7), Position("2027-01-15T08:00:00.000Z", "pump")])
def test_cursor_round_trip(position: Position) -> None:
    cursor = encode_cursor("scores", position)
    assert decode_cursor("scores", cursor) == position
    assert cursor.isascii()
    assert not set(cursor) & set("+/ ?&")


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    ["", "?", "é", encoded("no json"), encoded("{}"), encoded("[1]"), encoded("[" * 2000), encoded("3")],
)
def test_damaged_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(UsageError, match="cursor"):
        decode_cursor("scores", cursor)


def test_cursor_of_another_table_is_refused() -> None:
    with pytest.raises(UsageError, match="does not belong to events"):
        decode_cursor("events", encode_cursor("scores", Position(1.0, 2)))
    with pytest.raises(UsageError, match="does not belong"):
        decode_cursor("scores", encoded('["scores", [], {}]'))


def test_iterate_stops_at_the_last_page() -> None:
    assert list(iterate(lambda _: Page((), None))) == []
