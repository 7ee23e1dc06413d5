"""Availability of one sink: its circuit breaker, and what becomes of messages that it did not confirm."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence

from anomaly.alerts.circuit_breaker import CircuitBreaker
from anomaly.alerts.retry_policy import RetryPolicy
from anomaly.alerts.sinks.sink import SinkError
from anomaly.errors import AnomalyError
from anomaly.store.database.rows import DueMessage
from anomaly.store.store import Store

log = logging.getLogger(__name__)


class SinkAvailability:
    """Takes note of each answer and each failure of a sink.

    Args:
        store: where messages and events lie.
        name: of the sink.
        retry: times of further attempts.
        clock: UNIX seconds.
        rng: of the jitter.
    """

    def __init__(
        self, store: Store, name: str, retry: RetryPolicy, clock: Callable[[], float], rng: random.Random
    ) -> None:
        self._store, self._name, self._retry, self._clock, self._rng = store, name, retry, clock, rng
        self._breaker = CircuitBreaker(retry.first_s, retry.longest_s, rng)

    @property
    def is_away(self) -> bool:
        """True while the other side is taken to be away."""
        return self._breaker.is_open

    def allows(self, now_s: float) -> bool:
        """Return whether a message may be tried at a UNIX time."""
        return self._breaker.allows(now_s)

    def answered(self) -> None:
        """Note that the other side answers; after an outage all that waits is due now."""
        if self._breaker.succeeded():
            log.warning("sink %s is back", self._name)
            self._store.outbox.retry_now(self._name)
            self._store.history.add_event("sink.back", detail={"sink": self._name}, time_s=self._clock())

    def failed(self, group: Sequence[DueMessage], error: Exception) -> bool:
        """Store dead letters, give up, or schedule the next attempt; return whether the deliveries are settled.

        Args:
            group: deliveries that were tried together.
            error: of the sink.
        """
        text = str(error) if isinstance(error, AnomalyError) else f"{type(error).__name__}: {error}"
        if isinstance(error, SinkError) and error.permanent:
            self.answered()
            for due in group:
                self._store.outbox.mark_dead(due, text)
                words = "sink %s: message %s is refused and kept as a dead letter: %s"
                log.warning(words, self._name, due.message.id, text)
            return True
        asked_s = error.retry_after_s if isinstance(error, SinkError) else None
        requested_s = None if asked_s is None else min(asked_s, self._retry.longest_s)
        self._open_breaker(text, requested_s)
        for due in group:
            self._again(due, text, requested_s)
        return False

    def _open_breaker(self, text: str, requested_s: float | None) -> None:
        now_s = self._clock()
        if self._breaker.failed(now_s, requested_s):
            log.warning("sink %s is away: %s; what waits is sent when it is back", self._name, text)
            detail = {"sink": self._name, "error": text}
            self._store.history.add_event("sink.away", detail=detail, time_s=now_s)

    def _again(self, due: DueMessage, text: str, requested_s: float | None) -> None:
        now_s = self._clock()
        if now_s - due.queued_s >= self._retry.give_up_s:
            log.error("sink %s: message %s is given up: %s", self._name, due.message.id, text)
            self._store.outbox.mark_abandoned(due, text)
            return
        wait_s = self._retry.wait_s(due.attempts, self._rng, requested_s)
        if due.attempts == 0:
            log.warning("sink %s: %s; trying again in %.1f s", self._name, text, wait_s)
        self._store.outbox.mark_failed(due, text, now_s + wait_s)
