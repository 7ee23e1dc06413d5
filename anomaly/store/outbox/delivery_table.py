"""SQL of the tables of messages and their deliveries, inside the caller's connection or transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from anomaly.store.cases.case import CaseState
from anomaly.store.database.database_error import damage_at
from anomaly.store.database.rows import DeliveryStatus, DueMessage
from anomaly.store.database.stored_row import stored_row
from anomaly.store.outbox.message import AlertMessage
from anomaly.store.recovery.unconfirmed import Unconfirmed

# A delivery is named by sink and message: its row may have another number after the database was replaced.
# The text of the message has its key, so that no other is marked where the index is damaged.
_OF_MESSAGE = (
    "sink = ? AND status = 'pending'"
    " AND outbox_id = (SELECT id FROM outbox WHERE message_id = ? AND instr(body, ?))"
)


# No wait between two attempts is longer: a sink that is back gets its messages within the hour.
LONGEST_WAIT_S = 3_600.0
# Deliveries read at once, about 100 kB of messages.
BATCH = 64
# The status is read from the row itself: an index that is damaged must not let what is done be due for ever, or hold
# up what follows it. By its number, because SQLite takes the status from the condition of a partial index.
_STATUS = "(SELECT row.status FROM deliveries AS row NOT INDEXED WHERE row.id = {}.id)"
_DUE = f"""
    SELECT d.id, d.sink, {_STATUS.format("d")} AS status, d.attempts, o.queued_s, o.message_id, o.body
    FROM deliveries d INDEXED BY deliveries_waiting JOIN outbox o ON o.id = d.outbox_id
    WHERE d.status = 'pending' AND {{sink}} AND (d.next_try_s <= :now OR d.next_try_s > :too_far)
    AND NOT EXISTS (
        SELECT 1 FROM deliveries e JOIN outbox p ON p.id = e.outbox_id
        WHERE e.status = 'pending' AND e.sink = d.sink AND e.lane = d.lane AND e.outbox_id < d.outbox_id
        AND {_STATUS.format("e")} = 'pending')
    ORDER BY d.outbox_id LIMIT :limit"""


def enqueue(connection: sqlite3.Connection, message: AlertMessage, now_s: float) -> None:
    """Store a message, and a delivery of it for each known sink, inside the caller's transaction.

    The same message is there already if the commit of a transaction that is repeated has succeeded, or if it was
    restored meanwhile; it then says what the repetition stores.

    Raises:
        DatabaseError: the index leads from the key of the message to a row that does not hold it.
    """
    case_id, body = message.case.id if message.case else None, message.to_json()
    number = _number_of(connection, message)
    if number is None:
        added = connection.execute(
            "INSERT INTO outbox (message_id, case_id, queued_s, body) VALUES (?, ?, ?, ?)",
            (message.id, case_id, now_s, body),
        )
        _remove_orphans(connection, added)
    else:
        connection.execute("UPDATE outbox SET case_id = ?, body = ? WHERE id = ?", (case_id, body, number))
    connection.execute(
        "INSERT OR IGNORE INTO deliveries (outbox_id, sink, lane)"
        " SELECT outbox.id, name, ? FROM outbox, sinks WHERE message_id = ?",
        (case_id or message.id, message.id),
    )


def _number_of(connection: sqlite3.Connection, message: AlertMessage) -> int | None:
    """Return the row number of a message about a machine's case that is stored under this key, None without one.

    The row itself tells, not the index alone. A key that something else has is an error of the caller.
    """
    row = connection.execute("SELECT id, body FROM outbox WHERE message_id = ?", (message.id,)).fetchone()
    if row is None:
        return None
    with stored_row("outbox"):
        found = AlertMessage.from_json(row["body"])
        if found.id != message.id:
            raise ValueError(f"the index leads from message {message.id} to {found.id}")
    same = found.machine == message.machine and (found.case is None) == (message.case is None)
    return int(row["id"]) if same else None


def _remove_orphans(connection: sqlite3.Connection, added: sqlite3.Cursor) -> None:
    """Remove the deliveries of a lost message whose number a new one has got: it would count as delivered."""
    if added.rowcount:
        connection.execute("DELETE FROM deliveries WHERE outbox_id = ?", (added.lastrowid,))


def due(connection: sqlite3.Connection, sink: str | None, now_s: float, limit: int) -> list[DueMessage]:
    """Return the deliveries to a sink, or to all, that are to be tried now: of each lane only the oldest.

    Raises:
        DatabaseError: one of them does not hold what was queued.
    """
    sql = _DUE.format(sink="1" if sink is None else "d.sink = :sink")
    values = {"sink": sink, "now": now_s, "too_far": now_s + LONGEST_WAIT_S, "limit": limit}
    rows = connection.execute(sql, values)
    return [_due_message(row) for row in rows.fetchall()]


def _due_message(row: sqlite3.Row) -> DueMessage:
    with stored_row("outbox"):
        message = AlertMessage.from_json(row["body"])
        if message.id != row["message_id"]:
            raise ValueError(f"message {row['message_id']} has the key {message.id}")
        if row["status"] != "pending":
            raise ValueError(
                f"delivery {row['id']} is {row['status']} and in the index of those that are due"
            )
    return DueMessage(row["id"], row["sink"], message, row["attempts"], row["queued_s"])


def pending(connection: sqlite3.Connection, sinks: Iterable[str]) -> set[tuple[str, str]]:
    """Return the key of each message that is to be delivered, with each of these sinks that it is for."""
    names = list(sinks)
    if not names:
        return set()
    marks = ", ".join("?" * len(names))
    sql = (
        # By the index that leads to what is due: one that is damaged shows here.
        "SELECT message_id, sink FROM deliveries INDEXED BY deliveries_waiting JOIN outbox ON outbox.id = outbox_id"
        f" WHERE status = 'pending' AND sink IN ({marks})"
    )
    return {(row["message_id"], row["sink"]) for row in connection.execute(sql, names)}


def settled_sinks(connection: sqlite3.Connection, message_id: str) -> set[str]:
    """Return the sinks that have confirmed or refused a message, as far as the database knows."""
    rows = connection.execute(
        "SELECT sink FROM deliveries JOIN outbox ON outbox.id = outbox_id"
        " WHERE message_id = ? AND status IN ('delivered', 'abandoned', 'dead')",
        (message_id,),
    )
    return {row["sink"] for row in rows}


def restore(connection: sqlite3.Connection, lost: Unconfirmed) -> None:
    """Store a message that was lost, with a delivery for each sink that it still waits for."""
    message = lost.message
    case_id = message.case.id if message.case else None
    added = connection.execute(
        "INSERT OR IGNORE INTO outbox (message_id, case_id, queued_s, body) VALUES (?, ?, ?, ?)",
        (message.id, case_id, lost.queued_s, message.to_json()),
    )
    _remove_orphans(connection, added)
    for sink in sorted(lost.sinks):
        connection.execute(
            "INSERT INTO deliveries (outbox_id, sink, lane) SELECT id, ?, ? FROM outbox WHERE message_id = ?"
            " ON CONFLICT (outbox_id, sink) DO UPDATE SET status = 'pending'"
            " WHERE status NOT IN ('pending', 'delivered', 'abandoned', 'dead')",
            (sink, case_id or message.id, message.id),
        )


def subscribe(connection: sqlite3.Connection, name: str, now_s: float) -> None:
    """Store the name of a sink; a new one gets the messages of the cases open now."""
    if connection.execute("INSERT OR IGNORE INTO sinks VALUES (?, ?)", (name, now_s)).rowcount:
        connection.execute(
            "INSERT OR IGNORE INTO deliveries (outbox_id, sink, lane)"
            " SELECT outbox.id, ?, cases.id FROM outbox JOIN cases ON cases.id = outbox.case_id"
            " WHERE cases.state != ? ORDER BY outbox.id",
            (name, CaseState.CLOSED.value),
        )


def finish(
    connection: sqlite3.Connection, due: DueMessage, status: DeliveryStatus, now_s: float, error: str | None
) -> None:
    """Change the status of a delivery that needs no further attempt, see `mark`."""
    mark(connection, due, "status = ?, finished_s = ?, error = ?", (status, now_s, error))


def mark(
    connection: sqlite3.Connection, due: DueMessage, change: str, values: tuple[str | float | None, ...]
) -> None:
    """Change the row of a delivery, unless that was lost with a damaged database.

    Raises:
        DatabaseError: the row is there and cannot be found by its message: an index is damaged, and the delivery would
            be due for ever.
    """
    sql = f"UPDATE deliveries SET {change} WHERE {_OF_MESSAGE}"
    if connection.execute(sql, (*values, due.sink, due.message.id, due.message.id)).rowcount:
        return
    row = connection.execute(
        "SELECT 1 FROM deliveries JOIN outbox ON outbox.id = outbox_id WHERE deliveries.id = ? AND sink = ?"
        " AND status = 'pending' AND message_id = ?",
        (due.id, due.sink, due.message.id),
    ).fetchone()
    if row is not None:
        raise damage_at(None, "database: a message is in the outbox, and its index does not lead to it")
