"""Live feed of the newest stored scores to a sink: each change of state at once, an unchanged one at intervals."""

from __future__ import annotations

from collections.abc import Callable

from anomaly.alerts.sinks.sink import LiveSink, Sink
from anomaly.store.rows import ScoreRow
from anomaly.store.store import Store

INTERVAL_S = 10.0


class LiveScoreFeed:
    """Passes the newest score of each machine from the store to a sink that publishes scores.

    Args:
        store: source of the scores.
        sink: their destination; a sink that publishes no scores gets none.
        clock: UNIX seconds.
        interval_s: time after which an unchanged state is published again with its newest score.
    """

    def __init__(
        self, store: Store, sink: Sink, clock: Callable[[], float], interval_s: float = INTERVAL_S
    ) -> None:
        self._store = store
        self._sink = sink if isinstance(sink, LiveSink) else None
        self._clock = clock
        self._interval_s = interval_s
        self._published: dict[str, ScoreRow] = {}

    def step(self) -> None:
        """Publish new scores.

        Raises:
            ConfigError: the database cannot be read.
        """
        if self._sink is None:
            return
        for machine in self._sink.machines:
            row = self._store.history.last_score(machine)
            if row is not None and self._is_due(row):
                self._sink.publish_score(row)
                self._published[machine] = row

    def _is_due(self, row: ScoreRow) -> bool:
        # A score older than the interval is history: a monitor that stands still shows as such.
        if abs(self._clock() - row.time_s) > self._interval_s:
            return False
        published = self._published.get(row.machine)
        return (
            published is None
            or published.state != row.state
            or abs(row.time_s - published.time_s) >= self._interval_s
        )
