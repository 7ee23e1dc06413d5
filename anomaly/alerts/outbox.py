"""Delivery of queued messages: one thread per sink, until the other side has confirmed each message.

At least once, each repetition with the same idempotency key; messages of one case in the order of its events.
All state is in the database, so that a new process continues where a killed one stopped. A message that the other
side has refused for good becomes a dead letter at once and holds up no other. A sink that is away is asked at intervals
with one message, and gets all that waits as soon as it is back.
"""

from __future__ import annotations

import hashlib
import logging
import math
import random
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from anomaly.alerts.delivery_rules import MOST_GROUPED, MOST_GROUPED_S, NOT_NEEDED, DeliveryRules
from anomaly.alerts.grouped_message import grouped_message
from anomaly.alerts.live_feed import LiveScoreFeed
from anomaly.alerts.open_case_feed import OpenCaseFeed
from anomaly.alerts.retry_policy import RetryPolicy
from anomaly.alerts.sink_availability import SinkAvailability
from anomaly.alerts.sinks.sink import Sink
from anomaly.errors import AnomalyError, ConfigError
from anomaly.store.file_lock import FileLock
from anomaly.store.message import AlertMessage
from anomaly.store.outbox_queue import BATCH
from anomaly.store.rows import DueMessage
from anomaly.store.store import Store

log = logging.getLogger(__name__)


class Dispatcher:
    """Runs the deliveries of a store; a context manager that starts and stops them.

    Args:
        store: source of the messages.
        sinks: their destinations; stopping closes them.
        watched: machines that this process watches.
        clock: UNIX seconds.
        seed: of the jitter, for repeatable tests.
        retry: times of further attempts.
        poll_s: interval at which to look for messages that another process has queued.
        rules: by the names of sinks; a sink without any gets each message at once.

    Raises:
        ConfigError: two sinks have one name.
    """

    def __init__(
        self,
        store: Store,
        sinks: Sequence[Sink],
        *,
        watched: Collection[str] = (),
        clock: Callable[[], float] = time.time,
        seed: int | None = None,
        retry: RetryPolicy | None = None,
        poll_s: float = 1.0,
        rules: Mapping[str, DeliveryRules] | None = None,
    ) -> None:
        names = [sink.name for sink in sinks]
        if len(set(names)) < len(names):
            raise ConfigError(f"two sinks have one name: {', '.join(sorted(names))}")
        self._store = store
        self._names = names
        store.outbox.subscribe(names)
        policy = retry or RetryPolicy()
        self._workers = [
            SinkWorker(
                store,
                sink,
                watched=watched,
                clock=clock,
                seed=seed,
                retry=policy,
                poll_s=poll_s,
                rules=(rules or {}).get(sink.name),
            )
            for sink in sinks
        ]

    def start(self) -> None:
        """Start to deliver in the background."""
        for worker in self._workers:
            worker.start()

    def drain(self, timeout_s: float) -> bool:
        """Wait until no delivery is pending or the time is over; return whether none is pending."""
        end = time.monotonic() + timeout_s
        for worker in self._workers:
            worker.drain()
        while self._is_pending():
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)
        return True

    def _is_pending(self) -> bool:
        outbox = self._store.outbox
        try:
            if outbox.pending_count(self._names) > 0:
                return True
            if outbox.unconfirmed_count(self._names) > 0:
                self._store.check()
            return outbox.unconfirmed_count(self._names) > 0
        except AnomalyError:
            return True  # a database that cannot be read now

    def stop(self, timeout_s: float = 5.0) -> None:
        """Stop delivering and close the sinks; what is not delivered stays queued."""
        for worker in self._workers:
            worker.request_stop()
        end = time.monotonic() + timeout_s
        for worker in self._workers:
            worker.stop(max(0.0, end - time.monotonic()))

    def __enter__(self) -> Dispatcher:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


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
    ) -> None:
        self._store = store
        self._sink = sink
        self._clock = clock
        self._retry = retry
        self._poll_s = poll_s
        self._rng = random.Random(None if seed is None else f"{seed}/{sink.name}")
        self._availability = SinkAvailability(store, sink.name, retry, clock, self._rng)
        self._rules = rules or DeliveryRules()
        self._draining = threading.Event()
        self._wait_until_s = 0.0
        self._live = LiveScoreFeed(store, sink, clock, watched)
        self._open_cases = OpenCaseFeed(store, sink, clock)
        self._confirmed: set[str] = set()
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
        plan = self._rules.plan(
            waiting,
            now_s,
            stored=self._store.cases.get,
            notified=lambda case_id: outbox.has_notified(name, case_id),
            at_once=self._draining.is_set(),
        )
        self._wait_until_s = plan.wait_until_s
        outbox.hold(plan.held)
        outbox.mark_not_needed(plan.skipped, NOT_NEEDED)
        done = len(plan.skipped)
        for group in plan.groups:
            if self._stopping.is_set() or not self._try(group):
                break
            done += len(group)
        return done

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                again = self._work()
            except Exception:  # a bug must not end the delivery of alerts
                log.exception("sink %s: unexpected failure", self._sink.name)
                again = False
            if not again:
                self._wake.wait(self._poll_s)

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
        messages = [due.message for due in group]
        message = messages[0] if len(group) == 1 else grouped_message(messages)
        if message.id not in self._confirmed:
            error = self._deliver(message)
            if error is not None:
                return self._availability.failed(group, error)
            self._confirmed.add(message.id)
            self._rules.sent(group, self._clock())
            self._availability.answered()
        # If this fails (disk full), the delivery is remembered here and only its mark is repeated.
        self._store.outbox.mark_delivered(*group)
        self._confirmed.discard(message.id)
        return True

    def _deliver(self, message: AlertMessage) -> Exception | None:
        try:
            self._sink.deliver(message)
        except AnomalyError as error:
            return error
        except Exception as error:
            # A bug in one sink must silence neither this thread nor the message.
            log.exception("sink %s: unexpected failure", self._sink.name)
            return error
        return None
