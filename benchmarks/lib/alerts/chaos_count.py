"""Count of what sinks lost, doubled or got out of order, against the outbox."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from anomaly.store.store import Store
from lib.alerts.chaos_receivers import ChaosReceiver, Message

_COUNTED = ("lost", "doubled", "out_of_order", "repeated")


def count(
    store: Store,
    sides: Sequence[ChaosReceiver],
    reported: Sequence[str],
    disturbances: Mapping[str, int] | None = None,
) -> tuple[dict[str, Any], dict[str, dict[str, int]]]:
    """Return the totals, and the counts of each sink.

    Args:
        store: after all was delivered.
        sides: the receivers.
        reported: case of each event that the process reported after its commit.
        disturbances: of each sink whose receiver knows no keys, how many kills and broken connections can have cost
            it an answer: each explains one repetition.
    """
    with store.database.reading() as connection:
        rows = connection.execute("SELECT body FROM outbox ORDER BY id").fetchall()
    queued = [json.loads(row["body"]) for row in rows]
    sinks = {side.kind: _of_sink(queued, side, (disturbances or {}).get(side.kind, 0)) for side in sides}
    totals: dict[str, Any] = {"events": len(queued)}
    totals |= {name: sum(counts[name] for counts in sinks.values()) for name in _COUNTED}
    totals["lost"] += _not_stored(queued, reported)
    return totals, sinks


def _not_stored(queued: Sequence[Message], reported: Sequence[str]) -> int:
    """Count the changes that were reported and are not in the outbox: a change can be stored and not yet reported."""
    stored = Counter(message["case"]["id"] for message in queued)
    return sum(max(0, times - stored[case]) for case, times in Counter(reported).items())


def _of_sink(queued: Sequence[Message], side: ChaosReceiver, disturbances: int) -> dict[str, int]:
    got = side.messages
    keys = [message["id"] for message in got]
    known = {message["id"] for message in queued}
    repeated = len(keys) - len(set(keys))
    by_event: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
    for message in got:
        if "case" not in message:
            continue  # the receiver keeps the key alone
        event = (message["case"]["id"], message["event"], message["time"], str(message["note"]))
        by_event[event].add(message["id"])
    same = Counter((m["case"]["id"], m["event"], m["time"], str(m["note"])) for m in queued)
    return {
        "lost": len(known - set(keys)),
        "doubled": sum(max(0, len(ids) - same[event]) for event, ids in by_event.items())
        + side.doubled
        + (0 if side.keyed else max(0, repeated - disturbances)),
        "out_of_order": _out_of_order(queued, keys),
        "repeated": repeated,
    }


def _out_of_order(queued: Sequence[Message], keys: Sequence[str]) -> int:
    """Count the events whose first arrival was before that of an earlier event of their case."""
    first = {key: place for place, key in reversed(list(enumerate(keys)))}
    latest: dict[str, int] = {}
    wrong = 0
    for message in queued:
        case, place = message["case"]["id"], first.get(message["id"])
        if place is None:
            continue
        wrong += place < latest.get(case, -1)
        latest[case] = max(place, latest.get(case, -1))
    return wrong
