"""Harness of a sink under test, the other side that it delivers to, and steps that the checks of `testing` share."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from anomaly.alerts.outbox import Dispatcher
from anomaly.alerts.retry_policy import RetryPolicy
from anomaly.alerts.sinks.sink import Sink, SinkError
from anomaly.store.cases.case import Case
from anomaly.store.outbox.message import AlertMessage, MessageEvent
from anomaly.store.store import DATABASE_NAME, Store

# A call that takes longer counts as blocked for ever: several times the usual time limit of a sink (10 s).
DEADLINE_S = 60.0
TIME = "2027-01-15T08:00:00.000Z"


class SinkHarness(Protocol):
    """A sink under test and its other side, which can go away, come back, hang and refuse.

    A harness may have a set ``fields``: names of the fields of a message that the sink conveys, at least ``id`` and
    ``machine``. Without it, all of them are expected. One with ``tests_arrive = False`` is of a sink whose test leaves
    nothing at the other side, such as a work order.

    Attributes:
        secret: a password or key that the sink uses; it must not show in errors. Empty if it uses none.
    """

    secret: str

    def build(self) -> Sink:
        """Make the sink, with the name ``contract`` and a short time limit."""

    def received(self) -> Sequence[Mapping[str, Any]]:
        """Return the messages that have arrived, as JSON types, in their order, repetitions too."""

    def stop_receiver(self) -> None:
        """Take the other side away; what has arrived stays in ``received``."""

    def start_receiver(self) -> None:
        """Bring the other side back."""

    def hang(self) -> bool:
        """Let the other side accept connections without an answer; return False if it cannot be in such a state."""

    def refuse(self) -> bool | None:
        """Let the other side refuse the sink's account or its messages for good; return False if it refuses nothing."""


def example_message(event: MessageEvent = "case.opened", **changes: Any) -> AlertMessage:
    """Return a message of a case with all fields set; ``changes`` replace fields."""
    case = Case("pump", "machine", TIME, "A tone at 3.2 kHz has come up", 4.5, 1e-5, {"groups": [0.1, 4.5]})
    fields: dict[str, Any] = {
        "case": case,
        "score": 4.5,
        "p_value": 1e-5,
        "state": "ALARM",
        "groups": (0.1, 4.5),
    } | changes
    return AlertMessage(event, "pump", TIME, **fields)


def example_case(machine: str) -> Case:
    """Return a new case of a machine."""
    return Case(machine, "machine", TIME, "A tone at 3.2 kHz has come up")


@contextmanager
def built(harness: SinkHarness) -> Iterator[Sink]:
    """Make the sink, and close it at the end of the block."""
    sink = harness.build()
    try:
        yield sink
    finally:
        sink.close()


@contextmanager
def dispatched(harness: SinkHarness) -> Iterator[tuple[Store, Dispatcher]]:
    """Run the sink behind an outbox that repeats quickly."""
    retry = RetryPolicy(first_s=0.05, longest_s=0.2)
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.open(Path(folder) / DATABASE_NAME) as store,
        Dispatcher(store, [harness.build()], retry=retry, poll_s=0.02) as dispatcher,
    ):
        yield store, dispatcher


def failure_of(sink: Sink) -> SinkError:
    """Attempt a delivery that must fail in time, and return its error."""
    errors: list[BaseException | None] = []

    def attempt() -> None:
        try:
            sink.deliver(example_message())
            errors.append(None)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(DEADLINE_S)
    require(bool(errors), f"deliver has not returned within {DEADLINE_S:g} s")
    (error,) = errors
    require(error is not None, "a delivery without a receiver is confirmed")
    if not isinstance(error, SinkError):
        raise AssertionError(f"deliver raised {type(error).__name__}, not SinkError") from error
    return error


def is_delivered(sink: Sink, message: AlertMessage) -> bool:
    """Attempt a delivery, and return whether it was confirmed."""
    try:
        sink.deliver(message)
    except SinkError:
        return False
    return True


def wait_for_messages(harness: SinkHarness, messages: Sequence[AlertMessage]) -> None:
    """Wait until exactly these messages have arrived, in this order."""
    wait_for(lambda: len(harness.received()) >= len(messages), "not all messages have arrived")
    received = list(harness.received())
    expected = [conveyed(harness, message) for message in messages]
    require(received == expected, f"received {received}, not {expected}")


def conveyed(harness: SinkHarness, message: AlertMessage) -> dict[str, Any]:
    """Return the fields of a message that arrive."""
    found = message.to_dict()
    return {name: found[name] for name in getattr(harness, "fields", found)}


def wait_for(condition: Callable[[], object], complaint: str) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        require(time.monotonic() < end, complaint)
        time.sleep(0.02)


def require(condition: bool, complaint: str) -> None:
    """Raise AssertionError with a complaint unless a condition holds."""
    if not condition:
        raise AssertionError(complaint)
