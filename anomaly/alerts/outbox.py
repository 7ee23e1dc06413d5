"""Delivery of queued messages: one thread per sink, until the other side has confirmed each message.

At least once, each repetition with the same idempotency key; messages of one case in the order of its events.
All state is in the database, so that a new process continues where a killed one stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress

from anomaly.alerts.delivery_rules import DeliveryRules
from anomaly.alerts.retry_policy import RetryPolicy
from anomaly.alerts.sink_worker import SinkWorker
from anomaly.alerts.sinks.sink import Sink
from anomaly.errors import AnomalyError, ConfigError
from anomaly.store.store import Store

# How often the store is checked while it is waited for.
_CHECK_EVERY_S = 1.0


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
        answer_url: address that takes answers; each message carries it.

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
        answer_url: str | None = None,
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
                answer_url=answer_url,
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
        check_at = 0.0
        for worker in self._workers:
            worker.drain()
        while self._is_pending():
            now = time.monotonic()
            if now >= end:
                return False
            if now >= check_at:
                # What waits may be hidden by a damaged page.
                with suppress(AnomalyError):
                    self._store.check()
                check_at = now + _CHECK_EVERY_S
            time.sleep(0.02)
        return True

    def _is_pending(self) -> bool:
        outbox = self._store.outbox
        try:
            return outbox.pending_count(self._names) + outbox.unconfirmed_count(self._names) > 0
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
