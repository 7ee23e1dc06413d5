"""Live feed of the newest stored scores to a sink: each change of state at once, an unchanged one at intervals.

While a sensor case is open or the sound is old, the state is ``unknown``: an earlier OK says nothing about the machine
any more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from anomaly.alerts.sinks.sink import LiveSink, Sink
from anomaly.store.cases.sensor_fault import sensor_fault
from anomaly.store.database.rows import UNKNOWN, LiveScore, ScoreRow
from anomaly.store.state_kinds import JUDGED_STATES, STALE_S, StateKind
from anomaly.store.store import Store

INTERVAL_S = 10.0


class LiveScoreFeed:
    """Passes the newest score of each machine from the store to a sink that publishes scores.

    Args:
        store: source of the scores.
        sink: their destination; a sink that publishes no scores gets none.
        clock: UNIX seconds.
        watched: machines of this process: their state is unknown until they have a score. Of others, which another
            process with a state folder of its own may watch, nothing is published before.
        interval_s: time after which an unchanged state is published again with its newest score.
        stale_s: age of the newest score from which on the state is unknown.
    """

    def __init__(
        self,
        store: Store,
        sink: Sink,
        clock: Callable[[], float],
        watched: Collection[str] = (),
        interval_s: float = INTERVAL_S,
        stale_s: float = STALE_S,
    ) -> None:
        self._store = store
        self._sink = sink if isinstance(sink, LiveSink) else None
        self._clock, self._watched = clock, frozenset(watched)
        self._interval_s, self._stale_s = interval_s, stale_s
        self._published: dict[str, tuple[LiveScore, float]] = {}

    def step(self) -> None:
        """Publish new scores.

        Raises:
            ConfigError: the database cannot be read.
        """
        if self._sink is None:
            return
        for machine in self._sink.machines:
            row = self._newest(machine)
            if row is not None and self._is_due(row):
                self._sink.publish_score(row)
                self._published[machine] = (row, self._clock())

    def _newest(self, machine: str) -> LiveScore | None:
        """Return the newest score with the microphone's status; None if nothing is known of the machine."""
        row = self._store.history.last_score(machine)
        fault = sensor_fault(self._store.cases.select(open_only=True, machine=machine))
        if row is None:
            if fault is None and machine not in self._watched:
                return None
            return LiveScore(machine, self._clock(), 0, None, None, UNKNOWN, fault)
        stale = self._clock() - row.time_s > self._stale_s
        if fault is not None or stale or row.state not in JUDGED_STATES:
            sensor = None if stale and fault is None else fault or "ok"
            return LiveScore(machine, row.time_s, row.second, None, None, UNKNOWN, sensor)
        operating = self._store.time_series.newest_state(row.machine, StateKind.OPERATING)
        return _with_status(row, None if operating is None else operating.state)

    def _is_due(self, row: LiveScore) -> bool:
        before, published_s = self._published.get(row.machine, (None, 0.0))
        changed = before is None or _status(before) != _status(row)
        if not row.is_known:
            return changed or abs(self._clock() - published_s) >= self._interval_s
        # A score older than the interval is history, and one from the future belongs to a clock that was set back.
        if abs(self._clock() - row.time_s) > self._interval_s:
            return False
        return changed or before is None or abs(row.time_s - before.time_s) >= self._interval_s


def _with_status(row: ScoreRow, operating: str | None) -> LiveScore:
    return LiveScore(row.machine, row.time_s, row.second, row.score, row.p_value, row.state, "ok", operating)


def _status(row: LiveScore) -> tuple[str | None, ...]:
    return row.state, row.sensor, row.operating
