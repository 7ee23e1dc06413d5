"""Read-only, paginated view of a site's database, for pages and reports.

Never writes, and holds neither a connection nor a lock between calls: safe beside a running monitor, from any
thread, and across a damaged file that the monitor sets aside.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from anomaly.errors import UsageError
from anomaly.store.cases import case_table
from anomaly.store.cases.case import Case, iso_utc
from anomaly.store.cases.case_table import case_from
from anomaly.store.cases.history import event_from
from anomaly.store.database.database_error import missing
from anomaly.store.database.read_only import read_only
from anomaly.store.database.rows import (
    AccessRow,
    ClipRow,
    DeliveryCount,
    DeliveryRow,
    DeliveryStatus,
    EventRow,
    MinuteRow,
    ScoreRow,
)
from anomaly.store.database.schema import MIGRATIONS
from anomaly.store.database.version_record import newer_schema, version_of
from anomaly.store.outbox.message import AlertMessage
from anomaly.store.page import DEFAULT_PAGE_ROWS, MAX_PAGE_ROWS, Page, Position, decode_cursor, encode_cursor

Row = TypeVar("Row")


@dataclass(frozen=True)
class PageRequest:
    """Part of a table: filters, order, and place.

    Args:
        machine: only rows of this machine.
        since_s: only rows at or after this UNIX time.
        until_s: only rows before this UNIX time.
        newest_first: order of the rows.
        limit: rows in one page.
        cursor: ``Page.cursor`` of the page before; None for the first.

    Raises:
        UsageError: the limit is out of range.
    """

    machine: str | None = None
    since_s: float | None = None
    until_s: float | None = None
    newest_first: bool = False
    limit: int = DEFAULT_PAGE_ROWS
    cursor: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_PAGE_ROWS:
            raise UsageError(f"a page has 1 to {MAX_PAGE_ROWS} rows, not {self.limit}")


@dataclass(frozen=True)
class _Table(Generic[Row]):
    """Source of pages: table, columns, order (``key``, then ``tie``), and the type of a row."""

    name: str
    columns: str
    key: str
    tie: str
    convert: Callable[[dict[str, Any]], Row]
    source: str | None = None
    machine: str = "machine"
    iso_key: bool = False


class StoreReader:
    """Pages of scores, events, cases, clips and deliveries of one site.

    A database of an older version is read as it is; tables it does not have yet are empty.

    Args:
        path: the database, ``state_dir() / DATABASE_NAME``.

    Example::

        reader = StoreReader(site.state_dir / DATABASE_NAME)
        page = reader.events(PageRequest(machine="pump", newest_first=True), name="drift")
        while page.cursor is not None:
            ...

    Raises:
        ConfigError: there is no database; so do all methods if it cannot be read, is of a newer version, or is
            another program's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise missing(path)

    @property
    def schema_version(self) -> int:
        """Version of the database's schema, also of a newer one; 0 for an empty file."""
        return read_only(self.path, lambda connection: version_of(connection, self.path))

    def damage(self) -> str | None:
        """Read all pages; return the first error that SQLite finds, or None for a sound file."""

        def check(connection: sqlite3.Connection) -> str | None:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            return None if found == "ok" else found

        return read_only(self.path, check)

    def scores(self, machine: str, page: PageRequest = PageRequest()) -> Page[ScoreRow]:
        """Return scores of each second of a machine, by time."""
        return self._page(_SCORES, page, {"machine = ?": machine})

    def minutes(self, machine: str, page: PageRequest = PageRequest()) -> Page[MinuteRow]:
        """Return scores of a machine aggregated by the minute, by time."""
        return self._page(_MINUTES, page, {"machine = ?": machine})

    def last_score(self, machine: str) -> ScoreRow | None:
        """Return a machine's newest score, or None."""
        return next(iter(self.scores(machine, PageRequest(newest_first=True, limit=1)).rows), None)

    def events(
        self, page: PageRequest = PageRequest(), *, name: str | None = None, case_id: str | None = None
    ) -> Page[EventRow]:
        """Return events by time: of one name, of one case, or all."""
        return self._page(_EVENTS, page, {"event = ?": name, "case_id = ?": case_id})

    def cases(
        self,
        page: PageRequest = PageRequest(),
        *,
        open_only: bool = False,
        closed_only: bool = False,
        kind: str | None = None,
    ) -> Page[Case]:
        """Return cases by the time they were opened."""
        is_open = 1 if open_only else 0 if closed_only else None
        return self._page(_CASES, page, {"(state != 'closed') = ?": is_open, "kind = ?": kind})

    def case(self, case_id: str) -> Case:
        """Return one case by its identifier, or by its first digits if they are unambiguous.

        Raises:
            UsageError: no case begins with these digits, or several do.
        """

        def find(connection: sqlite3.Connection, version: int) -> Case:
            if not version:
                raise missing(self.path)
            return case_table.find(connection, case_id)

        return self.read(find)

    def clips(
        self, page: PageRequest = PageRequest(), *, case_id: str | None = None, removed: bool = False
    ) -> Page[ClipRow]:
        """Return clips by the time they begin; removed ones only on request."""
        kept = None if removed else 1
        return self._page(_CLIPS, page, {"case_id = ?": case_id, "(removed_s IS NULL) = ?": kept})

    def clip_accesses(
        self, page: PageRequest = PageRequest(), *, case_id: str | None = None
    ) -> Page[AccessRow]:
        """Return accesses to clips in the order they were logged: of one case's, or of all."""
        return self._page(_ACCESSES, page, {"clip_access.case_id = ?": case_id})

    def deliveries(
        self,
        page: PageRequest = PageRequest(),
        *,
        sink: str | None = None,
        status: DeliveryStatus | None = None,
    ) -> Page[DeliveryRow]:
        """Return deliveries by the time their messages were queued: to one sink, of one status, or all."""
        return self._page(_DELIVERIES, page, {"sink = ?": sink, "status = ?": status})

    def dead_letters(
        self, page: PageRequest = PageRequest(), *, sink: str | None = None
    ) -> Page[DeliveryRow]:
        """Return deliveries that a sink has refused for good, with the error."""
        return self.deliveries(page, sink=sink, status="dead")

    def delivery_counts(self) -> list[DeliveryCount]:
        """Return how many deliveries each sink has of each status."""

        def count(connection: sqlite3.Connection, version: int) -> list[DeliveryCount]:
            return [DeliveryCount(**dict(row)) for row in connection.execute(_COUNTS)] if version else []

        return self.read(count)

    def _page(
        self, table: _Table[Row], page: PageRequest, filters: Mapping[str, float | str | None]
    ) -> Page[Row]:
        sql, values = _query(table, page, filters)

        def fetch(connection: sqlite3.Connection, version: int) -> list[dict[str, Any]]:
            if not _has_table(connection, table.name):
                return []
            return [dict(row) for row in connection.execute(sql, values)]

        found = self.read(fetch)
        places = [Position(row.pop("page_key"), row.pop("page_tie")) for row in found]
        rows = tuple(table.convert(row) for row in found[: page.limit])
        more = len(found) > page.limit
        return Page(rows, encode_cursor(table.name, places[page.limit - 1]) if more else None)

    def read(self, query: Callable[[sqlite3.Connection, int], Row]) -> Row:
        """Run a query of another module on a read-only connection.

        Args:
            query: called with the connection and the version of the schema, 0 for an empty file; perhaps twice.
        """

        def checked(connection: sqlite3.Connection) -> Row:
            version = version_of(connection, self.path)
            if version > MIGRATIONS[-1].version:
                raise newer_schema(self.path, version)
            return query(connection, version)

        return read_only(self.path, checked)


def _query(
    table: _Table[Row], page: PageRequest, filters: Mapping[str, float | str | None]
) -> tuple[str, tuple[float | str, ...]]:
    """Build the SQL of one page, with one row more than the limit to see whether another page follows."""
    time = iso_utc if table.iso_key else float
    conditions: dict[str, float | str | None] = {
        f"{table.machine} = ?": page.machine,
        f"{table.key} >= ?": None if page.since_s is None else time(page.since_s),
        f"{table.key} < ?": None if page.until_s is None else time(page.until_s),
        **filters,
    }
    used = {sql: value for sql, value in conditions.items() if value is not None}
    where, values = list(used), list(used.values())
    if page.cursor is not None:
        after = decode_cursor(table.name, page.cursor)
        where.append(f"({table.key}, {table.tie}) {'<' if page.newest_first else '>'} (?, ?)")
        values += [after.key, after.tie]
    order = "DESC" if page.newest_first else "ASC"
    sql = (
        f"SELECT {table.columns}, {table.key} AS page_key, {table.tie} AS page_tie"
        f" FROM {table.source or table.name}{' WHERE ' + ' AND '.join(where) if where else ''}"
        f" ORDER BY {table.key} {order}, {table.tie} {order} LIMIT ?"
    )
    return sql, (*values, page.limit + 1)


def _has_table(connection: sqlite3.Connection, name: str) -> bool:
    sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return connection.execute(sql, (name,)).fetchone() is not None


def _delivery(fields: dict[str, Any]) -> DeliveryRow:
    return DeliveryRow(message=AlertMessage.from_json(fields.pop("body")), **fields)


_SCORES = _Table("scores", "scores.*", "time_s", "rowid", lambda row: ScoreRow(**row))
_MINUTES = _Table("minutes", "*", "minute_s", "machine", lambda row: MinuteRow(**row))
_EVENTS = _Table("events", "time, event, machine, case_id, detail", "time", "id", event_from, iso_key=True)
_CASES = _Table("cases", "*", "opened_at", "rowid", case_from, iso_key=True)
_CLIPS = _Table("clips", "*", "begin_s", "rowid", lambda row: ClipRow(**row))
_ACCESSES = _Table(
    "clip_access",
    "clip_id, clip_access.case_id, time, who, how, note",
    "time",
    "clip_access.id",
    lambda row: AccessRow(**row),
    source="clip_access LEFT JOIN clips ON clips.id = clip_id",
    iso_key=True,
)
_DELIVERIES = _Table(
    "deliveries",
    "deliveries.id, sink, status, body, queued_s, attempts, next_try_s, finished_s, error",
    "queued_s",
    "deliveries.id",
    _delivery,
    source="deliveries JOIN outbox ON outbox.id = outbox_id",
    machine="json_extract(body, '$.machine')",
)
_COUNTS = (
    "SELECT sink, status, count(*) AS count, min(queued_s) AS oldest_s"
    " FROM deliveries JOIN outbox ON outbox.id = outbox_id GROUP BY sink, status ORDER BY sink, status"
)
