"""Live feed: a change of state at once, a score at intervals, nothing of the past."""

from __future__ import annotations

from anomaly.alerts import ScoreRow, Store
from anomaly.alerts.live_feed import LiveScoreFeed
from anomaly.store.message import AlertMessage
from support.alert_store import Clock


class Screen:
    name = "screen"
    machines = ("pump", "fan")

    def __init__(self) -> None:
        self.shown: list[ScoreRow] = []

    def publish_score(self, row: ScoreRow) -> None:
        self.shown.append(row)

    def deliver(self, message: AlertMessage) -> None: ...

    def close(self) -> None: ...


class Plain:
    name = "plain"

    def deliver(self, message: AlertMessage) -> None: ...

    def close(self) -> None: ...


def add_score(store: Store, clock: Clock, state: str = "OK") -> ScoreRow:
    row = ScoreRow("pump", clock(), int(clock()), 0.5, 0.5, state)
    store.history.add_scores([row])
    return row


def test_states_at_once_and_scores_at_intervals(store: Store, clock: Clock) -> None:
    screen = Screen()
    feed = LiveScoreFeed(store, screen, clock, interval_s=10)
    feed.step()
    expected = []
    for second in range(25):
        row = add_score(store, clock, "ALARM" if second >= 13 else "OK")
        feed.step()
        feed.step()
        if second in (0, 10, 13, 23):
            expected.append(row)
        clock.forward(1)
    assert screen.shown == expected


def test_old_scores_are_not_published(store: Store, clock: Clock) -> None:
    screen = Screen()
    add_score(store, clock)
    clock.forward(60)
    LiveScoreFeed(store, screen, clock).step()
    assert screen.shown == []


def test_a_sink_that_publishes_no_scores(store: Store, clock: Clock) -> None:
    add_score(store, clock)
    LiveScoreFeed(store, Plain(), clock).step()
