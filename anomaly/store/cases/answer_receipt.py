"""Receipt of an answer: a change of a case that another system has asked for, with the key that makes it happen once.

The receipt is stored in the transaction of the change itself, so that after kill -9 both are there or neither is. It is
an event of the append-only history, which also shows who has answered, by which way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anomaly.store.cases.case import Case
from anomaly.store.cases.history import log_event
from anomaly.store.database.rows import EventRow
from anomaly.store.database.stored_row import json_object, stored_row

ANSWER_ACCEPTED = "answer.accepted"
"""Event that holds the receipt of an answer."""
_FIND = (
    "SELECT detail FROM events WHERE machine IS NULL AND event = ? AND time >= ?"
    " AND json_extract(detail, '$.key') = ? AND json_extract(detail, '$.system') = ?"
)


@dataclass(frozen=True, slots=True)
class AnswerOrigin:
    """Answer of another system.

    Args:
        key: idempotency key, which the system uses for one answer alone.
        digest: fingerprint of its content.
        system: name of the system in the site file.
        way: by which it came, ``http`` or ``mqtt``.
        since: UTC, ISO 8601: no answer whose key was accepted earlier would still be accepted.
    """

    key: str
    digest: str
    system: str
    way: str
    since: str


class AnswerRepeatedError(Exception):
    """An answer with this key was accepted before.

    Args:
        receipt: what was stored then.
    """

    def __init__(self, receipt: Mapping[str, Any]) -> None:
        super().__init__("the answer was accepted before")
        self.receipt = receipt


def find_receipt(connection: sqlite3.Connection, origin: AnswerOrigin) -> Mapping[str, Any] | None:
    """Return the receipt of an answer; None if it was not accepted before."""
    row = connection.execute(_FIND, (ANSWER_ACCEPTED, origin.since, origin.key, origin.system)).fetchone()
    if row is None:
        return None
    with stored_row("events"):
        return json_object(row["detail"])


def require_new(connection: sqlite3.Connection, origin: AnswerOrigin) -> None:
    """Check that an answer was not accepted before.

    Raises:
        AnswerRepeatedError: it was.
    """
    receipt = find_receipt(connection, origin)
    if receipt is not None:
        raise AnswerRepeatedError(receipt)


def store_receipt(
    connection: sqlite3.Connection, origin: AnswerOrigin, case: Case, at: str, *, changed: bool
) -> None:
    """Store the receipt of an answer inside the transaction of its change."""
    detail = {
        "key": origin.key,
        "digest": origin.digest,
        "system": origin.system,
        "way": origin.way,
        "case": case.id,
        "machine": case.machine,
        "state": case.state.value,
        "changed": changed,
    }
    # As an event of the case it is carried over from a damaged database. Without a machine the index by machine, event
    # and time leads to all of them.
    log_event(connection, EventRow(at, ANSWER_ACCEPTED, None, case.id, detail))
