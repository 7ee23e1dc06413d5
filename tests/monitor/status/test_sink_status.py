"""Messages of each sink: waiting, refused, given up; sinks that the site file no longer names."""

from __future__ import annotations

from anomaly.config import Site
from anomaly.monitor.status.sink_status import sink_statuses
from anomaly.store.database.rows import DeliveryCount

NOW_S = 1_800_000_000.0
SITE = Site(sinks={"mqtt": [{"name": "house", "host": "127.0.0.1"}]})  # type: ignore[arg-type]


def test_messages_by_status() -> None:
    counts = [
        DeliveryCount("house", "delivered", 9, NOW_S - 900),
        DeliveryCount("house", "pending", 2, NOW_S - 300),
        DeliveryCount("house", "dead", 1, NOW_S - 500),
        DeliveryCount("old", "abandoned", 3, NOW_S - 9e5),
        DeliveryCount("gone", "delivered", 3, NOW_S - 9e5),
    ]
    house, old = sink_statuses(SITE, counts)
    assert house.to_dict() == {
        "sink": "house",
        "kind": "mqtt",
        "pending": 2,
        "dead": 1,
        "abandoned": 0,
        "oldest_pending": "2027-01-15T07:55:00.000Z",
    }
    assert house.text(NOW_S) == "house (mqtt): 2 pending, the oldest for 5 min, 1 dead: refused for good"
    assert old.text(NOW_S) == "old (no longer in the site file): nothing waits, 3 abandoned after a week"


def test_a_sink_without_messages() -> None:
    (house,) = sink_statuses(SITE, [])
    assert house.text(NOW_S) == "house (mqtt): nothing waits"
