"""Journal of one machine: publishes records, stores events at once and scores in batches, and survives a full disk."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal

from anomaly.errors import ConfigError, UsageError
from anomaly.monitor.events import EventName
from anomaly.monitor.records import EventRecord, Record, SecondRecord
from anomaly.store.database.rows import ScoreRow, StateRow
from anomaly.store.state_kinds import NOT_JUDGED, RAMP_COUNTED, RAMP_OVER, StateKind
from anomaly.store.store import Store

_LOG = logging.getLogger(__name__)

_BATCH_S = 10
# While the disk is full, the scores of the last hour wait in memory.
_MAX_UNWRITTEN_S = 3600
# A disk that takes longer than this at the very end is not waited for.
_MAX_FINISH_S = 30.0

Submit = Callable[[Callable[[], None]], bool]


class Journal:
    """Takes the records of one machine to the store and to the subscribers of its session.

    Args:
        machine: its name.
        store: where scores and events are kept.
        publish: hands a record to the subscribers.
        model: detector and bundle that score (`model_label`); "" if that is not known.
        submit: runs a job on another thread soon, false if it cannot: a slow disk must not hold up the sound;
            None to store scores on the caller's thread.
    """

    def __init__(
        self,
        machine: str,
        store: Store,
        publish: Callable[[Record], None],
        *,
        model: str = "",
        submit: Submit | None = None,
    ) -> None:
        self.machine = machine
        self._store, self._publish, self._submit = store, publish, submit
        self._model, self._time_s = model, 0.0
        self._rows: list[ScoreRow] = []
        self._changes: list[StateRow] = []
        self._states: dict[str, str] = {}
        # The first second is stored at once, so that a reader sees the machine.
        self._batch = 1
        self._failing = self._in_memory = False
        self._written = threading.Condition()
        self._writing = False
        self._outcome: ConfigError | Literal["stored"] | None = None

    @property
    def time_s(self) -> float:
        """UNIX seconds of what is being processed."""
        return self._time_s

    def advance(self, time_s: float) -> None:
        """Set the time of the records to come, UNIX seconds."""
        self._time_s = time_s

    def set_model(self, model: str) -> None:
        """Set what scores from the next second on; it is stored with that second."""
        self._model = model

    def emit(self, event: EventName, message: str, *, time_s: float | None = None, **detail: object) -> None:
        """Publish an event, at the time of the journal unless another one is given."""
        at_s = self._time_s if time_s is None else time_s
        self._publish(EventRecord(event, self.machine, at_s, message, dict(detail)))

    def store(self, event: EventName, message: str, *, time_s: float | None = None, **detail: object) -> None:
        """Publish an event and store it."""
        self.emit(event, message, time_s=time_s, **detail)
        with self.tolerate_store_errors():
            at_s = self._time_s if time_s is None else time_s
            self._store.history.add_event(event, machine=self.machine, detail=detail, time_s=at_s)

    def second(self, record: SecondRecord) -> None:
        """Publish the result of a second, and store it with its batch."""
        row = ScoreRow(
            record.machine,
            record.time_s,
            record.second,
            record.score,
            record.p_value,
            record.state or NOT_JUDGED,
        )
        # Before it is shown: a signal that comes in between must not lose what somebody has seen.
        with self._written:
            self._rows.append(row)
            self._note_states(record)
        self._publish(record)
        self._report_fault()
        self._report_outcome()
        if len(self._rows) >= self._batch:
            self._batch = _BATCH_S
            self.flush()

    def ramp_counted(self, first_s: float, last_s: float) -> None:
        """Note that held seconds counted; their UNIX times are those of their ends."""
        with self._written:
            self._changes.append(StateRow(self.machine, StateKind.RAMP, first_s, RAMP_COUNTED))
            self._changes.append(StateRow(self.machine, StateKind.RAMP, last_s + 0.5, RAMP_OVER))

    def _note_states(self, record: SecondRecord) -> None:
        current = (
            (StateKind.DECISION, record.state or NOT_JUDGED),
            (StateKind.SENSOR, record.sensor),
            (StateKind.OPERATING, record.operating_state),
            (StateKind.MODEL, self._model),
        )
        for kind, state in current:
            if state and self._states.get(kind) != state:
                self._states[kind] = state
                self._changes.append(StateRow(record.machine, kind, record.time_s, state))

    def flush(self) -> None:
        """Store the scores that wait; those of a disk that stays full are kept in memory for an hour."""
        with self._written:
            self._rows, self._changes = self._rows[-_MAX_UNWRITTEN_S:], self._changes[-_MAX_UNWRITTEN_S:]
            if not (self._rows or self._changes) or self._writing:
                return
            if self._submit is not None:
                # They stay in the list until they are stored: an interruption here loses nothing.
                rows, changes = list(self._rows), list(self._changes)
                self._writing = True
                if not self._submit(partial(self._write, rows, changes)):
                    self._writing = False  # tried again after the next second
                return
        with self.tolerate_store_errors():
            # Only what was stored is let go.
            self._store.history.add_scores(self._rows, self._changes)
            self._rows, self._changes = [], []

    def finish(self) -> None:
        """Store all that waits, on the caller's thread."""
        with self._written:
            self._written.wait_for(lambda: not self._writing, _MAX_FINISH_S)
            self._submit = None
        self._report_outcome()
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

    def _report_outcome(self) -> None:
        with self._written:
            outcome, self._outcome = self._outcome, None
        if outcome is not None:
            with self.tolerate_store_errors():
                if isinstance(outcome, ConfigError):
                    raise outcome

    @contextmanager
    def tolerate_store_errors(self) -> Iterator[None]:
        """Go on when the block cannot be stored: a store that fails is reported once and never stops the scoring."""
        try:
            yield
        except (ConfigError, UsageError) as error:  # a case may have been lost with a damaged database
            if not self._failing:
                _LOG.warning("nothing can be stored, scores wait in memory: %s", error)
                self.emit(EventName.STORE_FAILED, str(error))
            self._failing = True
        else:
            if self._failing and not self._store.fault and self._is_stored_again():
                self.emit(EventName.STORE_RECOVERED, "what waited is stored again")
                self._failing = False

    def _is_stored_again(self) -> bool:
        """Store what waits, and the recovery; return whether both are stored."""
        with self._written:
            if self._writing:
                return False  # its outcome decides
            try:
                self._store.history.add_scores(self._rows, self._changes)
                self._store.history.add_event(
                    EventName.STORE_RECOVERED, machine=self.machine, time_s=self._time_s
                )
            except ConfigError:
                return False
            self._rows, self._changes = [], []
        return True

    def _report_fault(self) -> None:
        """Report that the database went to memory because the disk takes nothing, and that it is back on the disk."""
        fault, was_in_memory = self._store.fault, self._in_memory
        self._in_memory = bool(fault)
        if fault and not self._failing:
            self._failing = True
            self.emit(
                EventName.STORE_FAILED, f"the database is in memory, alerts are delivered from there: {fault}"
            )
        elif was_in_memory and not fault:
            with self.tolerate_store_errors():
                pass
