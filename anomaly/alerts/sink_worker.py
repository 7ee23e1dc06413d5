"""Deliveries to one sink, in a thread of their own.

A sink that is away is asked at intervals with one message, and gets all that waits as soon as it is back. A message
that the other side has refused for good becomes a dead letter at once and holds up no other.
"""

from __future__ import annotations

import hashlib
import logging
import math
import random
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from anomaly.alerts.delivery_rules import MOST_GROUPED, MOST_GROUPED_S, NOT_NEEDED, OWN_ANSWER, DeliveryRules
from anomaly.alerts.grouped_message import grouped_message
from anomaly.alerts.live_feed import LiveScoreFeed
from anomaly.alerts.open_case_feed import OpenCaseFeed
from anomaly.alerts.retry_policy import RetryPolicy
from anomaly.alerts.sink_availability import SinkAvailability
from anomaly.alerts.sinks.sink import KeyedSink, OperatorSink, Sink
from anomaly.errors import AnomalyError, ConfigError
from anomaly.store.database.file_lock import FileLock
from anomaly.store.database.rows import DueMessage
from anomaly.store.outbox.delivery_table import BATCH
from anomaly.store.outbox.message import AlertMessage
from anomaly.store.store import Store

# Keys of confirmed messages that are remembered: some MB.
_MAX_CONFIRMED = 10_000
# Messages that follow each other this closely are read and marked together.
_GATHER_S = 0.01

log = logging.getLogger(__name__)


class SinkWorker:
    """Deliveries to one sink in a thread of their own, so that a slow sink delays no other.

    Args: as for ``Dispatcher``, with one sink.
    """

    def __init__(
        self,
        store: Store,
        sink: Sink,
        *,
        watched: Collection[str] = (),
        clock: Callable[[], float],
        seed: int | None,
        retry: RetryPolicy,
        poll_s: float,
        rules: DeliveryRules | None = None,
        answer_url: str | None = None,
    ) -> None:
        self._store = store
        self._sink = sink
        self._clock = clock
        self._retry = retry
        self._poll_s = poll_s
        self._rng = random.Random(None if seed is None else f"{seed}/{sink.name}")
        self._availability = SinkAvailability(store, sink.name, retry, clock, self._rng)
        self._rules = rules or DeliveryRules()
        self._answer_url = answer_url
        self._draining = threading.Event()
        self._wait_until_s = 0.0
        self._live = LiveScoreFeed(store, sink, clock, watched)
        self._open_cases = OpenCaseFeed(store, sink, clock)
        if isinstance(sink, OperatorSink):
            sink.operate(store.cases)
        self._keyed = isinstance(sink, KeyedSink) and sink.keyed
        self._unmarked: list[DueMessage] = []
        self._unmarked_since_s = 0.0
        self._confirmed: dict[str, None] = {}
        self._last_error = ""
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sink-{sink.name}", daemon=True)
        # Two monitors on one database must not both deliver to the same sink.
        mark = hashlib.sha256(sink.name.encode()).hexdigest()[:16]
        self._lock = FileLock(store.path.with_name(f"{store.path.name}.sink-{mark}.lock"))

    def start(self) -> None:
        """Start the thread."""
        self._store.outbox.listeners.append(self.wake)
        self._thread.start()

    def wake(self) -> None:
        """Look for messages now rather than at the next poll."""
        self._wake.set()

    def drain(self) -> None:
        """Send messages now that are being collected for a group: the process ends."""
        self._draining.set()
        self._wake.set()

    def request_stop(self) -> None:
        """Let the thread end after the current delivery."""
        self._stopping.set()
        self._wake.set()

    def stop(self, timeout_s: float) -> None:
        """Wait for the thread to end and close the sink."""
        self.request_stop()
        if self.wake in self._store.outbox.listeners:
            self._store.outbox.listeners.remove(self.wake)
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        self._sink.close()
        self._lock.release()

    def step(self) -> int:
        """Try the deliveries that are due, up to the first that must be repeated; return how many are settled.

        While the sink is away, only one is tried, and only when the circuit breaker lets it.

        Raises:
            ConfigError: the database cannot be read or written.
        """
        now_s, away = self._clock(), self._availability.is_away
        if not self._availability.allows(now_s) or self._waits(now_s):
            return 0
        most = BATCH if self._rules.are_trivial else MOST_GROUPED
        waiting = self._store.outbox.due(math.inf if away else now_s, self._sink.name, most)
        if away:
            # A message that the other side can never take must not stand before all others.
            waiting.sort(key=lambda due: due.attempts)
        return self._send(waiting, now_s)

    def _waits(self, now_s: float) -> bool:
        """Return whether messages are still being collected for a group; a clock that was set back ends that."""
        return not self._draining.is_set() and 0.0 < self._wait_until_s - now_s <= MOST_GROUPED_S

    def _send(self, waiting: Sequence[DueMessage], now_s: float) -> int:
        """Send what the rules let pass, up to the first that must be repeated; return how many are settled."""
        outbox, name = self._store.outbox, self._sink.name
        # Else a system and this one would answer each other for ever.
        own = [due for due in waiting if due.message.via == name]
        outbox.mark_not_needed(own, OWN_ANSWER)
        plan = self._rules.plan(
            [due for due in waiting if due not in own],
            now_s,
            stored=self._store.cases.get,
            notified=lambda case_id: outbox.has_notified(name, case_id),
            last_sent_s=lambda machine: outbox.last_sent_s(name, machine),
            at_once=self._draining.is_set(),
        )
        self._wait_until_s = plan.wait_until_s
        outbox.hold(plan.held)
        outbox.mark_not_needed(plan.skipped, NOT_NEEDED)
        done = len(own) + len(plan.skipped)
        try:
            for group in plan.groups:
                if self._stopping.is_set() or not self._try(group):
                    break
                done += len(group)
        finally:
            self._mark_confirmed()
        return done

    def _mark_confirmed(self) -> None:
        """Mark the deliveries in the database that the sink has confirmed."""
        made, self._unmarked = self._unmarked, []
        if made:
            self._store.outbox.mark_delivered(*made)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                again = self._work()
            except Exception:  # a bug must not end the delivery of alerts
                log.exception("sink %s: unexpected failure", self._sink.name)
                again = False
            if not again and self._wake.wait(self._poll_s) and not self._draining.is_set():
                self._stopping.wait(_GATHER_S)

    def _work(self) -> bool:
        """Run one round; return whether there may be more to do at once."""
        try:
            if not self._has_lock():
                return False
        except AnomalyError as error:
            self._report(error)
            return False
        for feed in (self._live, self._open_cases):
            try:
                feed.step()
            except AnomalyError as error:
                self._report(error)  # alerts do not wait for live scores
            except Exception:
                log.exception("sink %s: unexpected failure of a feed", self._sink.name)
        try:
            return self.step() > 0
        except AnomalyError as error:
            self._report(error)
            return False

    def _has_lock(self) -> bool:
        try:
            return self._lock.acquire(wait=False)
        except ConfigError:
            if not self._store.fault:
                raise
            return True  # the folder takes no lock file, and the database is in this process's memory

    def _report(self, error: AnomalyError) -> None:
        # A full disk: nothing is lost, the messages are in the database already. Logged once, not each round.
        if str(error) != self._last_error:
            log.warning("sink %s: %s", self._sink.name, error)
            self._last_error = str(error)

    def _try(self, group: Sequence[DueMessage]) -> bool:
        """Attempt one delivery, or several as one message; return whether they are settled."""
        # Of a confirmed one only the mark is repeated: the disk was full, or a damaged page has lost it.
        messages = [due.message for due in group if due.message.id not in self._confirmed]
        if messages:
            error = self._deliver(messages[0] if len(messages) == 1 else grouped_message(messages))
            if error is not None:
                return self._availability.failed(group, error)
            self._note_confirmed(messages)
            self._rules.sent(group, self._clock())
            self._availability.answered()
        if not self._unmarked:
            self._unmarked_since_s = time.monotonic()
        self._unmarked += group
        if not self._keyed or time.monotonic() - self._unmarked_since_s > _GATHER_S:
            self._mark_confirmed()
        return True

    def _note_confirmed(self, messages: Sequence[AlertMessage]) -> None:
        self._confirmed.update(dict.fromkeys(message.id for message in messages))
        while len(self._confirmed) > _MAX_CONFIRMED:
            del self._confirmed[next(iter(self._confirmed))]

    def _deliver(self, message: AlertMessage) -> Exception | None:
        try:
            self._sink.deliver(replace(message, answer_url=self._answer_url))
        except AnomalyError as error:
            return error
        except Exception as error:
            # A bug in one sink must silence neither this thread nor the message.
            log.exception("sink %s: unexpected failure", self._sink.name)
            return error
        return None
