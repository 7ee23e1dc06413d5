"""Repeated delivery of all open cases to a sink whose receiver forgets what is not repeated."""

from __future__ import annotations

from collections.abc import Callable

from anomaly.alerts.sinks.sink import Sink, StateSink
from anomaly.store.store import Store


class OpenCaseFeed:
    """Passes the open cases from the store to a sink at intervals.

    Args:
        store: source of the cases.
        sink: their destination; a sink that keeps what it was told gets none.
        clock: UNIX seconds.
    """

    def __init__(self, store: Store, sink: Sink, clock: Callable[[], float]) -> None:
        self._store = store
        self._sink = sink if isinstance(sink, StateSink) else None
        self._clock = clock
        self._published_s: float | None = None

    def step(self) -> None:
        """Publish the open cases if it is time.

        Raises:
            AnomalyError: the database cannot be read, or the sink does not take them.
        """
        now_s = self._clock()
        if self._sink is None:
            return
        # The absolute difference: a clock that was set back must not stop the feed.
        if self._published_s is not None and abs(now_s - self._published_s) < self._sink.resend_s:
            return
        self._published_s = now_s
        self._sink.publish_open_cases(self._store.cases.select(open_only=True))
