"""Contract of sinks as checks to run in a test, for the built-in kinds and for those of other packages.

Write a harness: the sink together with the other side it delivers to. Then run each check on a fresh one::

    @pytest.mark.parametrize("check", SINK_CHECKS, ids=lambda check: check.__name__)
    def test_contract(check, tmp_path):
        harness = ChatHarness(tmp_path)
        try:
            check(harness)
        finally:
            harness.close()
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from anomaly.alerts.outbox import Dispatcher, RetryPolicy
from anomaly.alerts.sinks.sink import Sink, SinkError
from anomaly.store.case import Case
from anomaly.store.message import AlertMessage, MessageEvent
from anomaly.store.reader import StoreReader
from anomaly.store.store import DATABASE_NAME, Store

# A call that takes longer counts as blocked for ever: several times the usual time limit of a sink (10 s).
DEADLINE_S = 60.0
_TIME = "2027-01-15T08:00:00.000Z"


class SinkHarness(Protocol):
    """A sink under test and its other side, which can go away, come back, hang and refuse.

    A harness may have a set ``fields``: names of the fields of a message that the sink conveys, at least ``id`` and
    ``machine``. Without it, all of them are expected.

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

    def refuse(self) -> None:
        """Let the other side refuse the sink's account or its messages for good."""


Check = Callable[[SinkHarness], None]


def example_message(event: MessageEvent = "case.opened", **changes: Any) -> AlertMessage:
    """Return a message of a case with all fields set; ``changes`` replace fields."""
    case = Case("pump", "machine", _TIME, "A tone at 3.2 kHz has come up", 4.5, 1e-5, {"groups": [0.1, 4.5]})
    fields: dict[str, Any] = {
        "case": case,
        "score": 4.5,
        "p_value": 1e-5,
        "state": "ALARM",
        "groups": (0.1, 4.5),
    } | changes
    return AlertMessage(event, "pump", _TIME, **fields)


def check_protocol(harness: SinkHarness) -> None:
    """The sink has the methods of the protocol, and its name."""
    with _built(harness) as sink:
        _require(isinstance(sink, Sink), f"{type(sink).__name__} has not the methods of Sink")
        _require(sink.name == "contract", f"the name is {sink.name!r}")


def check_delivery(harness: SinkHarness) -> None:
    """A message that is confirmed arrives whole, with a case or without."""
    messages = [example_message(), AlertMessage("test", "pump", _TIME)]
    with _built(harness) as sink:
        for message in messages:
            sink.deliver(message)
    _await_messages(harness, messages)


def check_unusual_content(harness: SinkHarness) -> None:
    """Text outside ASCII, numbers that are not finite and long lists arrive like all others."""
    message = example_message(score=float("nan"), state="ÄLARM \u2028 \U0001f4a3", groups=(0.5,) * 500)
    with _built(harness) as sink:
        sink.deliver(message)
    _await_messages(harness, [message])


def check_order(harness: SinkHarness) -> None:
    """Messages arrive in the order in which they were delivered."""
    messages = [example_message("case.commented") for _ in range(10)]
    with _built(harness) as sink:
        for message in messages:
            sink.deliver(message)
    _await_messages(harness, messages)


def check_repetition(harness: SinkHarness) -> None:
    """A repetition carries the same identifier, so that the receiver can recognise it."""
    message = example_message()
    with _built(harness) as sink:
        sink.deliver(message)
        sink.deliver(message)
    _await(lambda: harness.received(), "nothing has arrived")
    identifiers = {found["id"] for found in harness.received()}
    _require(identifiers == {message.id}, f"identifiers {identifiers}, not {message.id}")


def check_absence(harness: SinkHarness) -> None:
    """If the other side is away, a delivery fails in time, for now; when it is back, it succeeds."""
    with _built(harness) as sink:
        sink.deliver(example_message())
        _await(lambda: harness.received(), "nothing has arrived")
        harness.stop_receiver()
        for _ in range(2):
            error = _failure(sink)
            _require(not error.permanent, f"absence is reported as permanent: {error}")
        harness.start_receiver()
        message = example_message()
        _await(lambda: _is_delivered(sink, message), "no delivery after the other side has come back")
    _await(lambda: _conveyed(harness, message) in harness.received(), "the message has not arrived")


def check_absence_from_the_start(harness: SinkHarness) -> None:
    """A sink can be built while the other side is away, and delivers when it is there."""
    harness.stop_receiver()
    with _built(harness) as sink:
        _require(not _failure(sink).permanent, "absence is reported as permanent")
        harness.start_receiver()
        message = example_message()
        _await(lambda: _is_delivered(sink, message), "no delivery after the other side has come")
    _await(lambda: _conveyed(harness, message) in harness.received(), "the message has not arrived")


def check_hanging_receiver(harness: SinkHarness) -> None:
    """If the other side does not answer, a delivery fails in time, for now."""
    if harness.hang():
        with _built(harness) as sink:
            error = _failure(sink)
            _require(not error.permanent, f"a missing answer is reported as permanent: {error}")


def check_refusal(harness: SinkHarness) -> None:
    """If the other side refuses the account or the message, the error is permanent, each time anew."""
    harness.refuse()
    with _built(harness) as sink:
        for _ in range(2):
            error = _failure(sink)
            _require(error.permanent, f"a refusal is reported as one that passes: {error}")


def check_outbox(harness: SinkHarness) -> None:
    """Through the outbox no message is lost while the other side is away."""
    machines = ("before", "during", "after")
    with _dispatched(harness) as (store, dispatcher):
        store.cases.open(_case(machines[0]))
        _require(dispatcher.drain(DEADLINE_S), "the first message is not delivered")
        # A receiver that is stopped right after its confirmation may not have passed the message on.
        _await(lambda: harness.received(), "the first message has not arrived")
        harness.stop_receiver()
        store.cases.open(_case(machines[1]))
        _require(not dispatcher.drain(0.3), "a message is delivered to a receiver that is away")
        harness.start_receiver()
        store.cases.open(_case(machines[2]))
        _require(dispatcher.drain(DEADLINE_S), "not all messages are delivered")
    _await(
        lambda: {found["machine"] for found in harness.received()} == set(machines), "messages are missing"
    )


def check_dead_letters(harness: SinkHarness) -> None:
    """Through the outbox a refused message becomes a dead letter and holds up no other."""
    harness.refuse()
    with _dispatched(harness) as (store, dispatcher):
        case = _case("pump")
        store.cases.open(case)
        store.cases.close(case.id)
        _require(dispatcher.drain(DEADLINE_S), "refused messages are still pending")
        letters = StoreReader(store.path).dead_letters(sink="contract").rows
    _require(len(letters) == 2, f"{len(letters)} of 2 refused messages are dead letters")
    _require(all(letter.error for letter in letters), "a dead letter has no error")


def check_secrets(harness: SinkHarness) -> None:
    """Secrets show neither in errors nor in the text of the sink."""
    secret = harness.secret
    with _built(harness) as sink:
        harness.stop_receiver()
        errors = [_failure(sink)]
        harness.start_receiver()
        harness.refuse()
        errors.append(_failure(sink))
        texts = [f"{error} {error.where} {error.hint} {error.__cause__!r}" for error in errors]
        _require(not secret or secret not in f"{texts} {sink!r}", "the secret shows in an error")


def check_close(harness: SinkHarness) -> None:
    """Closing is harmless for a sink that was never used, and when repeated."""
    unused = harness.build()
    unused.close()
    unused.close()
    with _built(harness) as used:
        used.deliver(example_message())
        used.close()


SINK_CHECKS: tuple[Check, ...] = (
    check_protocol,
    check_delivery,
    check_unusual_content,
    check_order,
    check_repetition,
    check_absence,
    check_absence_from_the_start,
    check_hanging_receiver,
    check_refusal,
    check_outbox,
    check_dead_letters,
    check_secrets,
    check_close,
)


def _case(machine: str) -> Case:
    return Case(machine, "machine", _TIME, "A tone at 3.2 kHz has come up")


@contextmanager
def _built(harness: SinkHarness) -> Iterator[Sink]:
    sink = harness.build()
    try:
        yield sink
    finally:
        sink.close()


@contextmanager
def _dispatched(harness: SinkHarness) -> Iterator[tuple[Store, Dispatcher]]:
    """Run the sink behind an outbox that repeats quickly."""
    retry = RetryPolicy(first_s=0.05, longest_s=0.2)
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.open(Path(folder) / DATABASE_NAME) as store,
        Dispatcher(store, [harness.build()], retry=retry, poll_s=0.02) as dispatcher,
    ):
        yield store, dispatcher


def _failure(sink: Sink) -> SinkError:
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
    _require(bool(errors), f"deliver has not returned within {DEADLINE_S:g} s")
    (error,) = errors
    _require(error is not None, "a delivery without a receiver is confirmed")
    if not isinstance(error, SinkError):
        raise AssertionError(f"deliver raised {type(error).__name__}, not SinkError") from error
    return error


def _is_delivered(sink: Sink, message: AlertMessage) -> bool:
    try:
        sink.deliver(message)
    except SinkError:
        return False
    return True


def _await_messages(harness: SinkHarness, messages: Sequence[AlertMessage]) -> None:
    _await(lambda: len(harness.received()) >= len(messages), "not all messages have arrived")
    received = list(harness.received())
    expected = [_conveyed(harness, message) for message in messages]
    _require(received == expected, f"received {received}, not {expected}")


def _conveyed(harness: SinkHarness, message: AlertMessage) -> dict[str, Any]:
    """Return the fields of a message that arrive."""
    found = message.to_dict()
    return {name: found[name] for name in getattr(harness, "fields", found)}


def _await(condition: Callable[[], object], complaint: str) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        _require(time.monotonic() < end, complaint)
        time.sleep(0.02)


def _require(condition: bool, complaint: str) -> None:
    if not condition:
        raise AssertionError(complaint)
