"""Delivery of queued messages: one thread per sink, until the other side has confirmed each message.

At least once, each repetition with the same idempotency key; messages of one case in the order of its events.
All state is in the database, so that a new process continues where a killed one stopped. A message that the other
side has refused for good becomes a dead letter at once and holds up no other.
"""

from __future__ import annotations

import hashlib
import logging
import random
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from anomaly.alerts.live_feed import LiveScoreFeed
from anomaly.alerts.open_case_feed import OpenCaseFeed
from anomaly.alerts.sinks.sink import Sink, SinkError
from anomaly.errors import AnomalyError, ConfigError
from anomaly.store.file_lock import FileLock
from anomaly.store.outbox_queue import LONGEST_WAIT_S
from anomaly.store.rows import DueMessage
from anomaly.store.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Time of the next attempt: ``first_s * 2**attempts``, with jitter between a half and the whole of it.

    Args:
        first_s: wait after the first failure.
        longest_s: no wait is longer, not even one that the other side requests.
        give_up_s: age at which a message is given up, with an event.

    Raises:
        ConfigError: the waits are not in order.
    """

    first_s: float = 1.0
    longest_s: float = LONGEST_WAIT_S
    give_up_s: float = 7 * 86_400.0

    def __post_init__(self) -> None:
        if not 0 < self.first_s <= self.longest_s <= min(LONGEST_WAIT_S, self.give_up_s):
            raise ConfigError(
                f"waits must grow from first to longest (at most {LONGEST_WAIT_S:g} s) to give_up"
            )

    def wait_s(self, attempts: int, rng: random.Random, requested_s: float | None = None) -> float:
        """Return the seconds to wait after so many earlier failures; not less than the other side requested."""
        grown = min(self.longest_s, self.first_s * 2.0 ** min(attempts, 60))
        return min(self.longest_s, max(requested_s or 0.0, grown * rng.uniform(0.5, 1.0)))


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
    ) -> None:
        names = [sink.name for sink in sinks]
        if len(set(names)) < len(names):
            raise ConfigError(f"two sinks have one name: {', '.join(sorted(names))}")
        self._store = store
        self._names = names
        store.outbox.subscribe(names)
        policy = retry or RetryPolicy()
        self._workers = [
            SinkWorker(store, sink, watched=watched, clock=clock, seed=seed, retry=policy, poll_s=poll_s)
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
            worker.wake()
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
    ) -> None:
        self._store = store
        self._sink = sink
        self._clock = clock
        self._retry = retry
        self._poll_s = poll_s
        self._rng = random.Random(None if seed is None else f"{seed}/{sink.name}")
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

        Raises:
            ConfigError: the database cannot be read or written.
        """
        done = 0
        for due in self._store.outbox.due(self._clock(), self._sink.name):
            if self._stopping.is_set() or not self._try(due):
                break
            done += 1
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

    def _try(self, due: DueMessage) -> bool:
        """Attempt one delivery; return whether it is settled: confirmed, or refused for good."""
        if due.message.id not in self._confirmed:
            error = self._deliver(due)
            if error is not None:
                return self._handle_failure(due, error)
            self._confirmed.add(due.message.id)
        # If this fails (disk full), the delivery is remembered here and only its mark is repeated.
        self._store.outbox.mark_delivered(due)
        self._confirmed.discard(due.message.id)
        return True

    def _deliver(self, due: DueMessage) -> Exception | None:
        try:
            self._sink.deliver(due.message)
        except AnomalyError as error:
            return error
        except Exception as error:
            # A bug in one sink must silence neither this thread nor the message.
            log.exception("sink %s: unexpected failure", self._sink.name)
            return error
        return None

    def _handle_failure(self, due: DueMessage, error: Exception) -> bool:
        """Store a dead letter, give up, or schedule the next attempt; return whether the delivery is settled."""
        now_s, outbox, name = self._clock(), self._store.outbox, self._sink.name
        text = str(error) if isinstance(error, AnomalyError) else f"{type(error).__name__}: {error}"
        if isinstance(error, SinkError) and error.permanent:
            outbox.mark_dead(due, text)
            log.warning(
                "sink %s: message %s is refused and kept as a dead letter: %s", name, due.message.id, text
            )
            return True
        if now_s - due.queued_s >= self._retry.give_up_s:
            log.error("sink %s: message %s is given up: %s", name, due.message.id, text)
            outbox.mark_abandoned(due, text)
            return False
        requested_s = error.retry_after_s if isinstance(error, SinkError) else None
        wait_s = self._retry.wait_s(due.attempts, self._rng, requested_s)
        if due.attempts == 0:
            log.warning("sink %s: %s; trying again in %.1f s", name, text, wait_s)
        outbox.mark_failed(due, text, now_s + wait_s)
        return False
