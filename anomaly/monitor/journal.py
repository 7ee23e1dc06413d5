"""What the monitor says and writes down: events at once, scores in batches, and patience with a full disk."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal

from anomaly.errors import ConfigError, UsageError
from anomaly.monitor.offline.calibration_filter import MODEL
from anomaly.monitor.records import EventRecord, Record, SecondRecord
from anomaly.store.rows import ScoreRow, StateRow
from anomaly.store.store import Store

_LOG = logging.getLogger(__name__)

_BATCH = 10
# While the disk is full, the scores of the last hour wait in memory.
_MOST_UNWRITTEN = 3600
# A disk that takes longer than this at the very end is not waited for.
_PATIENCE_S = 30.0


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
        self.model = ""
        """Detector and bundle version that score (`scored_by`); stored with the first score of each model."""
        self._store = store
        self._said: list[Record] = []
        self._rows: list[ScoreRow] = []
        self._changes: list[StateRow] = []
        self._states: dict[str, str] = {}
        # The first second is stored at once, so that whoever looks sees the machine.
        self._batch = 1
        self._failing = False
        self._submit: Callable[[Callable[[], None]], bool] | None = None
        self._written = threading.Condition()
        self._writing = False
        self._outcome: ConfigError | Literal["stored"] | None = None

    def write_behind(self, submit: Callable[[Callable[[], None]], bool]) -> None:
        """Store scores on another thread from now on: a slow disk must not hold up the sound.

        Args:
            submit: runs a job on that thread soon; false if it cannot.
        """
        self._submit = submit

    def say(self, event: str, words: str, **detail: object) -> None:
        """Tell an event to whoever watches."""
        self._said.append(EventRecord(event, self.machine, self.time_s, words, dict(detail)))

    def keep(self, event: str, words: str, **detail: object) -> None:
        """Tell an event, and store it."""
        self.say(event, words, **detail)
        with self.patiently():
            self._store.history.add_event(event, machine=self.machine, detail=detail, time_s=self.time_s)

    def second(self, record: SecondRecord) -> None:
        """Tell a second's result, and store it with its batch."""
        self._said.append(record)
        self._tell_outcome()
        row = ScoreRow(
            record.machine, record.time_s, record.second, record.score, record.p_value, record.state
        )
        with self._written:
            self._rows.append(row)
            self._note_states(record)
        if len(self._rows) >= self._batch:
            self._batch = _BATCH
            self.flush()

    def _note_states(self, record: SecondRecord) -> None:
        followed = (
            ("decision", record.state),
            ("sensor", record.sensor),
            ("operating", record.operating_state),
            (MODEL, self.model),
        )
        for kind, state in followed:
            if state and self._states.get(kind) != state:
                self._states[kind] = state
                self._changes.append(StateRow(record.machine, kind, record.time_s, state))

    def take(self) -> list[Record]:
        """What was said since the last call, in order."""
        said, self._said = self._said, []
        return said

    def flush(self) -> None:
        """Store the scores that wait; those of a disk that stays full are kept in memory for an hour."""
        with self._written:
            self._rows, self._changes = self._rows[-_MOST_UNWRITTEN:], self._changes[-_MOST_UNWRITTEN:]
            if not self._rows or self._writing:
                return
            if self._submit is not None:
                # They stay in the list until they are stored: an interruption here loses nothing.
                rows, changes = list(self._rows), list(self._changes)
                self._writing = True
                if not self._submit(partial(self._write, rows, changes)):
                    self._writing = False  # asked again after the next second
                return
        with self.patiently():
            # Only what was stored is let go.
            self._store.history.add_scores(self._rows, self._changes)
            self._rows, self._changes = [], []

    def finish(self) -> None:
        """Store all that waits, here and now."""
        with self._written:
            self._written.wait_for(lambda: not self._writing, _PATIENCE_S)
            self._submit = None
        self._tell_outcome()
        self.flush()

    def _write(self, rows: list[ScoreRow], changes: list[StateRow]) -> None:
        """Store a batch, on the other thread."""
        outcome: ConfigError | Literal["stored"] | None = None
        try:
            self._store.history.add_scores(rows, changes)
            outcome = "stored"
        except ConfigError as error:
            outcome = error
        finally:
            with self._written:
                if outcome == "stored":
                    stored = {id(row) for row in (*rows, *changes)}
                    self._rows = [row for row in self._rows if id(row) not in stored]
                    self._changes = [row for row in self._changes if id(row) not in stored]
                self._writing, self._outcome = False, outcome
                self._written.notify_all()

    def _tell_outcome(self) -> None:
        with self._written:
            outcome, self._outcome = self._outcome, None
        if outcome is not None:
            with self.patiently():
                if isinstance(outcome, ConfigError):
                    raise outcome

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
