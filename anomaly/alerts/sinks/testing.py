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

from collections.abc import Callable

from anomaly.alerts.sinks.harness import (
    DEADLINE_S,
    TIME,
    SinkHarness,
    built,
    conveyed,
    dispatched,
    example_case,
    example_message,
    failure_of,
    is_delivered,
    require,
    wait_for,
    wait_for_messages,
)
from anomaly.alerts.sinks.sink import Sink
from anomaly.store.outbox.message import AlertMessage
from anomaly.store.reader import StoreReader

__all__ = ["SINK_CHECKS", "Check", "SinkHarness", "example_message"]

Check = Callable[[SinkHarness], None]


def check_protocol(harness: SinkHarness) -> None:
    """The sink has the methods of the protocol, and its name."""
    with built(harness) as sink:
        require(isinstance(sink, Sink), f"{type(sink).__name__} has not the methods of Sink")
        require(sink.name == "contract", f"the name is {sink.name!r}")


def check_delivery(harness: SinkHarness) -> None:
    """A message that is confirmed arrives whole, with a case or without."""
    message, test = example_message(), AlertMessage("test", "pump", TIME)
    with built(harness) as sink:
        for one in (message, test):
            sink.deliver(one)
    wait_for_messages(harness, [message, test] if getattr(harness, "tests_arrive", True) else [message])


def check_unusual_content(harness: SinkHarness) -> None:
    """Text outside ASCII, numbers that are not finite and long lists arrive like all others."""
    message = example_message(score=float("nan"), state="ÄLARM \u2028 \U0001f4a3", groups=(0.5,) * 500)
    with built(harness) as sink:
        sink.deliver(message)
    wait_for_messages(harness, [message])


def check_order(harness: SinkHarness) -> None:
    """Messages arrive in the order in which they were delivered."""
    messages = [example_message("case.commented") for _ in range(10)]
    with built(harness) as sink:
        for message in messages:
            sink.deliver(message)
    wait_for_messages(harness, messages)


def check_repetition(harness: SinkHarness) -> None:
    """A repetition carries the same identifier, so that the receiver can recognise it."""
    message = example_message()
    with built(harness) as sink:
        sink.deliver(message)
        sink.deliver(message)
    wait_for(lambda: harness.received(), "nothing has arrived")
    identifiers = {found["id"] for found in harness.received()}
    require(identifiers == {message.id}, f"identifiers {identifiers}, not {message.id}")


def check_absence(harness: SinkHarness) -> None:
    """If the other side is away, a delivery fails in time, for now; when it is back, it succeeds."""
    with built(harness) as sink:
        sink.deliver(example_message())
        wait_for(lambda: harness.received(), "nothing has arrived")
        harness.stop_receiver()
        for _ in range(2):
            error = failure_of(sink)
            require(not error.permanent, f"absence is reported as permanent: {error}")
        harness.start_receiver()
        message = example_message()
        wait_for(lambda: is_delivered(sink, message), "no delivery after the other side has come back")
    wait_for(lambda: conveyed(harness, message) in harness.received(), "the message has not arrived")


def check_absence_from_the_start(harness: SinkHarness) -> None:
    """A sink can be built while the other side is away, and delivers when it is there."""
    harness.stop_receiver()
    with built(harness) as sink:
        require(not failure_of(sink).permanent, "absence is reported as permanent")
        harness.start_receiver()
        message = example_message()
        wait_for(lambda: is_delivered(sink, message), "no delivery after the other side has come")
    wait_for(lambda: conveyed(harness, message) in harness.received(), "the message has not arrived")


def check_hanging_receiver(harness: SinkHarness) -> None:
    """If the other side does not answer, a delivery fails in time, for now."""
    if harness.hang():
        with built(harness) as sink:
            error = failure_of(sink)
            require(not error.permanent, f"a missing answer is reported as permanent: {error}")


def check_refusal(harness: SinkHarness) -> None:
    """If the other side refuses the account or the message, the error is permanent, at each attempt."""
    if harness.refuse() is False:
        return
    with built(harness) as sink:
        for _ in range(2):
            error = failure_of(sink)
            require(error.permanent, f"a refusal is reported as one that passes: {error}")


def check_outbox(harness: SinkHarness) -> None:
    """Through the outbox no message is lost while the other side is away."""
    machines = ("before", "during", "after")
    with dispatched(harness) as (store, dispatcher):
        store.cases.open(example_case(machines[0]))
        require(dispatcher.drain(DEADLINE_S), "the first message is not delivered")
        # A receiver that is stopped right after its confirmation may not have passed the message on.
        wait_for(lambda: harness.received(), "the first message has not arrived")
        harness.stop_receiver()
        store.cases.open(example_case(machines[1]))
        require(not dispatcher.drain(0.3), "a message is delivered to a receiver that is away")
        harness.start_receiver()
        store.cases.open(example_case(machines[2]))
        require(dispatcher.drain(DEADLINE_S), "not all messages are delivered")
    wait_for(
        lambda: {found["machine"] for found in harness.received()} == set(machines), "messages are missing"
    )


def check_dead_letters(harness: SinkHarness) -> None:
    """Through the outbox a refused message becomes a dead letter and holds up no other."""
    if harness.refuse() is False:
        return
    with dispatched(harness) as (store, dispatcher):
        case = example_case("pump")
        store.cases.open(case)
        store.cases.close(case.id)
        require(dispatcher.drain(DEADLINE_S), "refused messages are still pending")
        letters = StoreReader(store.path).dead_letters(sink="contract").rows
    require(len(letters) == 2, f"{len(letters)} of 2 refused messages are dead letters")
    require(all(letter.error for letter in letters), "a dead letter has no error")


def check_secrets(harness: SinkHarness) -> None:
    """Secrets show neither in errors nor in the text of the sink."""
    secret = harness.secret
    with built(harness) as sink:
        harness.stop_receiver()
        errors = [failure_of(sink)]
        harness.start_receiver()
        if harness.refuse() is not False:
            errors.append(failure_of(sink))
        texts = [f"{error} {error.where} {error.hint} {error.__cause__!r}" for error in errors]
        require(not secret or secret not in f"{texts} {sink!r}", "the secret shows in an error")


def check_close(harness: SinkHarness) -> None:
    """Closing is harmless for a sink that was never used, and when repeated."""
    unused = harness.build()
    unused.close()
    unused.close()
    with built(harness) as used:
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
