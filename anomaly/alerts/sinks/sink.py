"""What a sink is: something that can be told a message, once, now, or fails."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from anomaly.errors import RemoteError
from anomaly.store.message import AlertMessage
from anomaly.store.rows import ScoreRow


class SinkError(RemoteError):
    """A delivery failed; the outbox tries again.

    Args:
        message: what happened. It must hold no secret: it is stored and shown.
        where: the sink.
        hint: what to do next.
        retry_after_s: how long the other side asked us to wait, if it did.
    """

    def __init__(
        self,
        message: str,
        *,
        where: object = None,
        hint: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.retry_after_s = retry_after_s


@runtime_checkable
class Sink(Protocol):
    """One destination of alerts. Its name is its identity in the outbox: a new name is a new sink."""

    @property
    def name(self) -> str:
        """A name that no other sink of the site has."""

    def deliver(self, message: AlertMessage) -> None:
        """Hand a message over and return when the other side has confirmed it.

        May be called again with the same message after a crash or a failure: ``message.id`` goes along
        so that the receiver can tell. Never blocks for ever.

        Raises:
            RemoteError: it was not confirmed.
        """

    def close(self) -> None:
        """Let go of connections; harmless if repeated."""


@runtime_checkable
class LiveSink(Protocol):
    """A sink that also shows the newest score of each machine, where losing one does not matter."""

    @property
    def machines(self) -> tuple[str, ...]:
        """The machines to show."""

    def tell_live(self, row: ScoreRow) -> None:
        """Show a machine's newest score, or drop it. Never waits, never raises for a dead connection."""
