"""What the monitor says and writes down: events at once, scores in batches, and patience with a full disk."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from anomaly.alerts.records import ScoreRow, StateRow
from anomaly.alerts.store import Store
from anomaly.errors import ConfigError, UsageError
from anomaly.monitor.records import EventRecord, Record, SecondRecord

_LOG = logging.getLogger(__name__)

_BATCH = 10
# While the disk is full, the scores of the last hour wait in memory.
_MOST_UNWRITTEN = 3600


class Journal:
    """The records of one machine on their way to the store and to whoever watches.

    Args:
        machine: its name.
        store: where scores and events are kept.
    """

    def __init__(self, machine: str, store: Store) -> None:
        self.machine = machine
        self.time_s = 0.0
        """UNIX seconds of what is being said."""
        self._store = store
        self._said: list[Record] = []
        self._rows: list[ScoreRow] = []
        self._changes: list[StateRow] = []
        self._states: dict[str, str] = {}
        # The first second is stored at once, so that whoever looks sees the machine.
        self._batch = 1
        self._failing = False

    def say(self, event: str, words: str, **detail: object) -> None:
        """Tell an event to whoever watches."""
        self._said.append(EventRecord(event, self.machine, self.time_s, words, dict(detail)))

    def keep(self, event: str, words: str, **detail: object) -> None:
        """Tell an event, and store it."""
        self.say(event, words, **detail)
        with self.patiently():
            self._store.add_event(event, machine=self.machine, detail=detail, time_s=self.time_s)

    def second(self, record: SecondRecord) -> None:
        """Tell a second's result, and store it with its batch."""
        self._said.append(record)
        self._rows.append(
            ScoreRow(record.machine, record.time_s, record.second, record.score, record.p_value, record.state)
        )
        self._note_states(record)
        if len(self._rows) >= self._batch:
            self._batch = _BATCH
            self.flush()

    def _note_states(self, record: SecondRecord) -> None:
        followed = (
            ("decision", record.state),
            ("sensor", record.sensor),
            ("operating", record.operating_state),
        )
        for kind, state in followed:
            if self._states.get(kind) != state:
                self._states[kind] = state
                self._changes.append(StateRow(record.machine, kind, record.time_s, state))

    def take(self) -> list[Record]:
        """What was said since the last call, in order."""
        said, self._said = self._said, []
        return said

    def flush(self) -> None:
        """Store the scores that wait; those of a disk that stays full are kept in memory for an hour."""
        self._rows, self._changes = self._rows[-_MOST_UNWRITTEN:], self._changes[-_MOST_UNWRITTEN:]
        if not self._rows:
            return
        with self.patiently():
            # Only what was stored is let go.
            self._store.add_scores(self._rows, self._changes)
            self._rows, self._changes = [], []

    @contextmanager
    def patiently(self) -> Iterator[None]:
        """Store something in this block: a store that fails never stops the scoring, and is complained of once."""
        try:
            yield
        except (ConfigError, UsageError) as error:  # a case may have been lost with a damaged database
            if not self._failing:
                _LOG.warning("nothing can be stored, scores wait in memory: %s", error)
                self.say("store.failed", str(error))
            self._failing = True
        else:
            if self._failing:
                self.say("store.recovered", "what waited is stored again")
            self._failing = False
