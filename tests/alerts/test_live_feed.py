"""Live feed: a change of state at once, a score at intervals, nothing of the past."""

from __future__ import annotations

from anomaly.alerts import Store
from anomaly.alerts.live_feed import LiveScoreFeed
from anomaly.store.cases.case import Case, iso_utc
from anomaly.store.database.rows import LiveScore, StateRow
from anomaly.store.outbox.message import AlertMessage
from anomaly.store.state_kinds import StateKind
from support.alert_store import Clock


class Screen:
    name = "screen"
    machines = ("pump", "fan")

    def __init__(self) -> None:
        self.shown: list[LiveScore] = []

    def publish_score(self, row: LiveScore) -> None:
        self.shown.append(row)

    def deliver(self, message: AlertMessage) -> None: ...

    def close(self) -> None: ...


class Plain:
    name = "plain"

    def deliver(self, message: AlertMessage) -> None: ...

    def close(self) -> None: ...


def add_score(store: Store, clock: Clock, state: str = "OK") -> LiveScore:
    row = LiveScore("pump", clock(), int(clock()), 0.5, 0.5, state)
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


def states(screen: Screen) -> list[tuple[str, str | None]]:
    return [(row.state, row.sensor) for row in screen.shown]


def test_old_scores_are_published_as_unknown(store: Store, clock: Clock) -> None:
    screen = Screen()
    feed = LiveScoreFeed(store, screen, clock)
    row = add_score(store, clock)
    clock.forward(20)
    feed.step()
    assert screen.shown == []
    clock.forward(40)
    feed.step()
    assert states(screen) == [("unknown", None)]
    assert (screen.shown[0].time_s, screen.shown[0].score, screen.shown[0].p_value) == (
        row.time_s,
        None,
        None,
    )


def test_an_unknown_state_is_repeated_at_intervals(store: Store, clock: Clock) -> None:
    screen = Screen()
    feed = LiveScoreFeed(store, screen, clock, interval_s=10)
    add_score(store, clock)
    clock.forward(60)
    for _ in range(21):
        feed.step()
        clock.forward(1)
    assert states(screen) == [("unknown", None)] * 3


def test_a_change_of_the_operating_state_at_once(store: Store, clock: Clock) -> None:
    screen = Screen()
    feed = LiveScoreFeed(store, screen, clock)
    for state in ("running", "stopped", "stopped"):
        store.time_series.add_state(StateRow("pump", StateKind.OPERATING, clock(), state))
        add_score(store, clock)
        feed.step()
        clock.forward(1)
    assert [row.operating for row in screen.shown] == ["running", "stopped"]


def test_an_open_sensor_case_makes_the_state_unknown(store: Store, clock: Clock) -> None:
    screen = Screen()
    feed = LiveScoreFeed(store, screen, clock)
    add_score(store, clock)
    feed.step()
    case = Case("pump", "sensor", iso_utc(clock()), "silent", evidence={"status": "silent"})
    store.cases.open(case)
    feed.step()
    assert states(screen) == [("OK", "ok"), ("unknown", "silent")]
    store.cases.close(case.id)
    feed.step()
    assert states(screen)[2:] == [("OK", "ok")]


def test_a_microphone_that_never_worked_is_unknown(store: Store, clock: Clock) -> None:
    screen = Screen()
    store.cases.open(Case("fan", "sensor", iso_utc(clock()), "gone", evidence={"status": "lost"}))
    LiveScoreFeed(store, screen, clock).step()
    assert [(row.machine, row.state, row.sensor) for row in screen.shown] == [("fan", "unknown", "lost")]


def test_a_state_that_was_not_judged_is_unknown(store: Store, clock: Clock) -> None:
    screen = Screen()
    add_score(store, clock, "UNKNOWN")
    LiveScoreFeed(store, screen, clock).step()
    assert states(screen) == [("unknown", "ok")]


def test_a_score_of_the_future_is_not_published(store: Store, clock: Clock) -> None:
    screen = Screen()
    add_score(store, clock)
    clock.forward(-3600)
    LiveScoreFeed(store, screen, clock).step()
    assert screen.shown == []


def test_a_sink_that_publishes_no_scores(store: Store, clock: Clock) -> None:
    add_score(store, clock)
    LiveScoreFeed(store, Plain(), clock).step()


def test_a_machine_of_this_process_is_unknown_until_it_has_a_score(store: Store, clock: Clock) -> None:
    screen = Screen()
    feed = LiveScoreFeed(store, screen, clock, watched=["pump"])
    feed.step()
    assert [(row.machine, row.state, row.sensor) for row in screen.shown] == [("pump", "unknown", None)]
    add_score(store, clock)
    feed.step()
    assert states(screen)[1:] == [("OK", "ok")]
