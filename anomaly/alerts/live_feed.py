"""Shows the newest stored scores where a sink can: each change of state at once, the score now and then."""

from __future__ import annotations

from collections.abc import Callable

from anomaly.alerts.sinks.sink import LiveSink, Sink
from anomaly.store.rows import ScoreRow
from anomaly.store.store import Store

EVERY_S = 10.0


class LiveScoreFeed:
    """Takes the newest score of each machine from the store to a sink that shows scores.

    Args:
        store: where the scores are.
        sink: where they go; a sink that shows no scores is left alone.
        clock: UNIX seconds.
        every_s: how often an unchanged state is shown again with its newest score.
    """

    def __init__(
        self, store: Store, sink: Sink, clock: Callable[[], float], every_s: float = EVERY_S
    ) -> None:
        self._store = store
        self._sink = sink if isinstance(sink, LiveSink) else None
        self._clock = clock
        self._every_s = every_s
        self._told: dict[str, ScoreRow] = {}

    def step(self) -> None:
        """Show what is new.

        Raises:
            ConfigError: the database cannot be read.
        """
        if self._sink is None:
            return
        for machine in self._sink.machines:
            row = self._store.history.last_score(machine)
            if row is not None and self._is_news(row):
                self._sink.tell_live(row)
                self._told[machine] = row

    def _is_news(self, row: ScoreRow) -> bool:
        # A score older than the interval is history: a monitor that stands still shows as such.
        if abs(self._clock() - row.time_s) > self._every_s:
            return False
        told = self._told.get(row.machine)
        return told is None or told.state != row.state or abs(row.time_s - told.time_s) >= self._every_s
