"""Changes that people make to the queue of messages: sending a letter again, and giving it up."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from anomaly.errors import UsageError
from anomaly.store.cases.case import iso_utc
from anomaly.store.cases.history import log_event
from anomaly.store.database.database import Database
from anomaly.store.database.repeated import repeated_after_repair
from anomaly.store.database.rows import EventRow

# States of deliveries that the outbox tries no more, and that can be sent again.
_FAILED = ("dead", "abandoned")


@repeated_after_repair
class DeliveryChanges:
    """Resends and drops deliveries; part of ``Store``.

    Args:
        database: the open database.
        notify: called after a commit that has queued a delivery.
        clock: UNIX seconds.
    """

    def __init__(self, database: Database, notify: Callable[[], None], clock: Callable[[], float]) -> None:
        self._database, self._notify, self._clock = database, notify, clock

    def resend(self, numbers: Sequence[int], by: str) -> int:
        """Queue failed deliveries again, with the same key; return how many.

        Raises:
            UsageError: a number is that of no delivery, or of one that has not failed; nothing is changed then.
        """
        with self._database.transaction() as connection:
            for number in numbers:
                row = _delivery(connection, number)
                if row["status"] not in _FAILED:
                    raise UsageError(
                        f"delivery {number} to {row['sink']} is {row['status']}, and not to be sent again",
                        hint="dead letters are listed by `anomaly alerts queue --dead`",
                    )
                self._requeue(connection, row, by)
        self._notify()
        return len(numbers)

    def resend_all(self, by: str, sink: str | None = None) -> int:
        """Queue all failed deliveries again, to one sink or to all; return how many."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                f"{_SELECT} WHERE d.status IN ('dead', 'abandoned') AND (?1 IS NULL OR d.sink = ?1) ORDER BY d.id",
                (sink,),
            ).fetchall()
            for row in rows:
                self._requeue(connection, row, by)
        self._notify()
        return len(rows)

    def drop(self, number: int, by: str, note: str = "") -> str:
        """Give up a delivery that is not made; return the name of its sink.

        Raises:
            UsageError: the number is that of no delivery, or of one that is made.
        """
        with self._database.transaction() as connection:
            row = _delivery(connection, number)
            if row["status"] == "delivered":
                raise UsageError(
                    f"delivery {number} to {row['sink']} is made",
                    hint="what waits is listed by `anomaly alerts queue`",
                )
            error = f"dropped by {by}" + (note and f": {note}")
            connection.execute(
                "UPDATE deliveries SET status = 'abandoned', finished_s = ?, error = ? WHERE id = ?",
                (self._clock(), error, number),
            )
            self._log(connection, row, "message.dropped", by, note)
        return str(row["sink"])

    def _requeue(self, connection: sqlite3.Connection, row: sqlite3.Row, by: str) -> None:
        connection.execute(
            "UPDATE deliveries SET status = 'pending', attempts = 0, next_try_s = 0, finished_s = NULL WHERE id = ?",
            (row["id"],),
        )
        self._log(connection, row, "message.resent", by)

    def _log(
        self, connection: sqlite3.Connection, row: sqlite3.Row, event: str, by: str, note: str = ""
    ) -> None:
        detail = {"sink": row["sink"], "message": row["message_id"], "by": by, "note": note}
        at = iso_utc(self._clock())
        log_event(connection, EventRow(at, event, row["machine"], row["case_id"], detail))


_SELECT = (
    "SELECT d.id, d.sink, d.status, o.message_id, o.case_id, json_extract(o.body, '$.machine') AS machine"
    " FROM deliveries d JOIN outbox o ON o.id = d.outbox_id"
)


def _delivery(connection: sqlite3.Connection, number: int) -> sqlite3.Row:
    row: sqlite3.Row | None = connection.execute(f"{_SELECT} WHERE d.id = ?", (number,)).fetchone()
    if row is None:
        raise UsageError(
            f"there is no delivery {number}", hint="deliveries are listed by `anomaly alerts queue`"
        )
    return row
