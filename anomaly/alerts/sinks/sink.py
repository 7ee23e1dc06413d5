"""Protocol of a sink: it delivers one message now and confirms it, or raises an error."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from anomaly.errors import RemoteError
from anomaly.store.cases.case import Case
from anomaly.store.database.rows import LiveScore
from anomaly.store.outbox.message import AlertMessage


class SinkError(RemoteError):
    """A delivery failed: for now, and the outbox tries again; or for good, and the message is a dead letter.

    Args:
        message: what happened. It must hold no secret: it is stored and shown.
        where: the sink.
        hint: what to do next.
        permanent: the other side has refused the message or the account, so that a repetition would fail in
            the same way. The outbox stores the message as a dead letter and goes on with the next one. False
            for all that may pass: no connection, no answer in time, a server that is overloaded.
        retry_after_s: time that the other side requested before the next attempt, if it did.
    """

    def __init__(
        self,
        message: str,
        *,
        where: object = None,
        hint: str | None = None,
        permanent: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.permanent = permanent
        self.retry_after_s = retry_after_s


def plain_reason(error: object) -> str:
    """Return the words of an error of the network without the numbers of the operating system."""
    return re.sub(r"\[Errno -?\d+\] ", "", str(error))


@runtime_checkable
class Sink(Protocol):
    """One destination of alerts. Its name is its identity in the outbox: a new name is a new sink."""

    @property
    def name(self) -> str:
        """A name that no other sink of the site has."""

    def deliver(self, message: AlertMessage) -> None:
        """Send a message and return when the other side has confirmed it.

        May be called again with the same message after a crash or a failure: ``message.id`` is sent along, so
        that the receiver can recognise a repetition. Never blocks for ever.

        Raises:
            SinkError: it was not confirmed; ``permanent`` if the other side has refused it.
        """

    def close(self) -> None:
        """Close all connections; may be repeated."""


@runtime_checkable
class AnsweringSink(Protocol):
    """Sink that keeps the answer of the other side, for people who test it."""

    @property
    def last_answer(self) -> str:
        """Words of the other side to the last message that it confirmed; it holds no secret."""


@runtime_checkable
class LiveSink(Protocol):
    """Sink that also publishes the newest score of each machine, where losing one does not matter."""

    @property
    def machines(self) -> tuple[str, ...]:
        """Names of the machines to publish."""

    def publish_score(self, row: LiveScore) -> None:
        """Publish a machine's newest state and score, or drop them. Never waits or raises for a dead connection."""


@runtime_checkable
class KeyedSink(Protocol):
    """Sink whose receiver knows a repeated message by its key, so that a kill may repeat several at no harm."""

    @property
    def keyed(self) -> bool:
        """Return whether deliveries may be marked as made a moment later, several at once."""


class CaseOperations(Protocol):
    """Changes of cases that the people at the other side of a sink make; `OperatorChanges` of the store."""

    def acknowledge(self, case_id: str, by: str, note: str = "") -> Case:
        """Record that a person knows of a case.

        Raises:
            UsageError: there is no such case.
            InputError: it is closed.
        """

    def comment(self, case_id: str, text: str, by: str) -> Case:
        """Add a comment to the history of a case.

        Raises:
            UsageError: there is no such case, or the comment is empty.
        """


@runtime_checkable
class OperatorSink(Protocol):
    """Sink through whose connection people also acknowledge cases and comment on them."""

    def operate(self, operations: CaseOperations) -> None:
        """Take what changes cases, before the first delivery; it may be called from any thread."""


@runtime_checkable
class StateSink(Protocol):
    """Sink whose receiver forgets a case unless its alert is repeated."""

    @property
    def resend_s(self) -> float:
        """Interval at which the open cases are published."""

    def publish_open_cases(self, cases: Sequence[Case]) -> None:
        """Publish all open cases as they stand, also if there are none. Never blocks for ever.

        Raises:
            SinkError: they were not taken; they are published again at the next interval.
        """
