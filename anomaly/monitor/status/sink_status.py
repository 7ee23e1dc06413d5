"""Status of the sinks: messages that wait, and messages that were not delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from anomaly.config import Site
from anomaly.readable import duration
from anomaly.store.cases.case import iso_utc
from anomaly.store.database.rows import DeliveryCount


@dataclass(frozen=True)
class SinkStatus:
    """Messages of one sink.

    Args:
        sink: its name.
        kind: of the site file; None for a sink that the file no longer names.
        pending: messages that wait for delivery.
        dead: messages that the other side has refused for good.
        abandoned: messages given up after a week of failures.
        oldest_pending_s: UNIX seconds at which the oldest of the waiting ones was queued.
    """

    sink: str
    kind: str | None
    pending: int
    dead: int
    abandoned: int
    oldest_pending_s: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types; times are UTC."""
        return {
            "sink": self.sink,
            "kind": self.kind,
            "pending": self.pending,
            "dead": self.dead,
            "abandoned": self.abandoned,
            "oldest_pending": None if self.oldest_pending_s is None else iso_utc(self.oldest_pending_s),
        }

    def text(self, now_s: float) -> str:
        """Return one phrase for people."""
        kind = "no longer in the site file" if self.kind is None else self.kind
        facts = ["nothing waits"]
        if self.oldest_pending_s is not None:
            age_s = max(0.0, now_s - self.oldest_pending_s)
            facts = [f"{self.pending} pending, the oldest for {duration(age_s)}"]
        facts += [f"{self.dead} dead: refused for good"] * bool(self.dead)
        facts += [f"{self.abandoned} abandoned after a week"] * bool(self.abandoned)
        return f"{self.sink} ({kind}): {', '.join(facts)}"


def sink_statuses(site: Site, counts: Sequence[DeliveryCount]) -> list[SinkStatus]:
    """Return the sinks of the site file, then those of which only the database still holds undelivered messages.

    Args:
        site: its sinks.
        counts: deliveries of each sink by status.
    """
    by_sink: dict[str, dict[str, DeliveryCount]] = {}
    for row in counts:
        by_sink.setdefault(row.sink, {})[row.status] = row
    kinds: dict[str, str | None] = {entry.config.name: entry.kind for entry in site.sinks}
    undelivered = {sink for sink, rows in by_sink.items() if rows.keys() - {"delivered"}}
    names = [*kinds, *sorted(undelivered - kinds.keys())]
    return [_status(name, kinds.get(name), by_sink.get(name, {})) for name in names]


def _status(name: str, kind: str | None, rows: dict[str, DeliveryCount]) -> SinkStatus:
    pending, dead, abandoned = (
        rows[status].count if status in rows else 0 for status in ("pending", "dead", "abandoned")
    )
    oldest_s = rows["pending"].oldest_s if "pending" in rows else None
    return SinkStatus(name, kind, pending, dead, abandoned, oldest_s)
