"""Feed of the events that are stored of cases and states, also of changes that another program makes."""

from __future__ import annotations

import json
import sqlite3

from anomaly.errors import AnomalyError
from anomaly.web.live.messages import sent_event
from anomaly.web.site_access import SiteAccess

_MOST = 200
_NEW = (
    "SELECT id, time, event, machine, case_id, detail FROM events WHERE id > ? AND machine IS NOT NULL"
    " AND (event LIKE 'case.%' OR event LIKE 'machine.%' OR event LIKE 'device.%' OR event LIKE 'maintenance.%'"
    " OR event IN ('state.changed', 'sensor.recovered', 'model.activated', 'clip.saved')) ORDER BY id LIMIT ?"
)
_CASES = ("case.", "clip.")


class EventFeed:
    """Reads new events from the database.

    Args:
        access: site whose database is read.
    """

    def __init__(self, access: SiteAccess) -> None:
        self._access = access
        self._last: int | None = None

    def skip(self) -> None:
        """Begin at the events to come."""
        self._last = None

    def new_events(self) -> list[tuple[str, bytes]]:
        """Return machine and encoded event of each new one, oldest first; none while the database cannot be read."""
        reader = self._access.reader_or_none()
        if reader is None:
            return []
        try:
            return reader.read(self._query)
        except AnomalyError:
            return []

    def _query(self, connection: sqlite3.Connection, version: int) -> list[tuple[str, bytes]]:
        if not version:
            return []
        newest = int(connection.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0])
        if self._last is None or newest < self._last:  # at first, or a new database
            self._last = newest
            return []
        rows = connection.execute(_NEW, (self._last, _MOST)).fetchall()
        self._last = rows[-1]["id"] if len(rows) == _MOST else newest
        return [(str(row["machine"]), _encoded(row)) for row in rows]


def _encoded(row: sqlite3.Row) -> bytes:
    kind = "case" if str(row["event"]).startswith(_CASES) else "state"
    facts = {
        "machine": row["machine"],
        "time": row["time"],
        "event": row["event"],
        "case": row["case_id"],
        "detail": json.loads(row["detail"]),
    }
    return sent_event(kind, facts)
