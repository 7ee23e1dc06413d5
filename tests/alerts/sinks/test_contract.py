"""What every sink must do, whatever it speaks. A new sink joins by adding its bench to ``BENCHES``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

from anomaly.alerts import AlertMessage, Dispatcher, RetryPolicy, Store
from anomaly.alerts.sinks import Sink
from anomaly.alerts.sinks.mqtt import MqttSink
from anomaly.alerts.sinks.webhook import WebhookSink
from anomaly.alerts.webhook_receiver import WebhookReceiver
from anomaly.errors import RemoteError

from .conftest import Broker, Listener, eventually, free_port

SECRET = "a-secret-that-must-not-show"
MakeMessage = Callable[..., AlertMessage]


class Bench(Protocol):
    """A sink and its other side, which can die and come back."""

    def make(self) -> Sink: ...
    def got(self) -> list[Any]: ...
    def die(self) -> None: ...
    def come_back(self) -> None: ...
    def close(self) -> None: ...


class WebhookBench:
    mode: Any = "structured"

    def __init__(self, _start_broker: Callable[..., Broker]) -> None:
        self._port = free_port()
        self._earlier: list[Any] = []
        self._receiver: WebhookReceiver | None = None
        self.come_back()

    def make(self) -> Sink:
        url = f"http://127.0.0.1:{self._port}/alerts"
        return WebhookSink("bench", url, mode=self.mode, secret=SECRET.encode(), timeout_s=2)

    def got(self) -> list[Any]:
        return self._earlier + ([d.message for d in self._receiver.deliveries] if self._receiver else [])

    def die(self) -> None:
        if self._receiver is not None:
            self._earlier = self.got()
            self._receiver.__exit__()
            self._receiver = None

    def come_back(self) -> None:
        self._receiver = WebhookReceiver(SECRET.encode(), port=self._port).__enter__()

    def close(self) -> None:
        self.die()


class BinaryWebhookBench(WebhookBench):
    mode = "binary"


class MqttBench:
    protocol: Any = "5"

    def __init__(self, start_broker: Callable[..., Broker]) -> None:
        self._broker = start_broker()
        self._listener = Listener(self._broker.port)
        self._expected = 1

    def make(self) -> Sink:
        return MqttSink(
            "bench",
            "127.0.0.1",
            port=self._broker.port,
            username="anomaly",
            password=SECRET,
            protocol=self.protocol,
            timeout_s=2,
        )

    def got(self) -> list[Any]:
        return self._listener.alerts()

    def die(self) -> None:
        self._expected = self._listener.subscriptions + 1
        self._broker.kill()

    def come_back(self) -> None:
        self._broker.start()
        self._listener.wait_for_subscription(self._expected)

    def close(self) -> None:
        self._listener.close()


class OldMqttBench(MqttBench):
    protocol = "3.1.1"


BENCHES = (WebhookBench, BinaryWebhookBench, MqttBench, OldMqttBench)


@pytest.fixture(params=BENCHES, ids=lambda bench: bench.__name__)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    needs_broker = issubclass(request.param, MqttBench)
    made = request.param(request.getfixturevalue("start_broker") if needs_broker else None)
    yield made
    made.close()


@pytest.fixture
def sink(bench: Bench) -> Iterator[Sink]:
    made = bench.make()
    yield made
    made.close()


def test_it_is_a_sink(sink: Sink) -> None:
    assert isinstance(sink, Sink)
    assert sink.name == "bench"


def test_the_same_json_arrives_everywhere(bench: Bench, sink: Sink, make_message: MakeMessage) -> None:
    message = make_message()
    sink.deliver(message)
    eventually(bench.got)
    assert bench.got() == [message.to_dict()]


def test_a_message_without_a_case(bench: Bench, sink: Sink) -> None:
    message = AlertMessage("test", "pump", "2027-01-15T09:00:00.000Z")
    sink.deliver(message)
    eventually(bench.got)
    assert bench.got() == [message.to_dict()]


def test_order_is_kept(bench: Bench, sink: Sink, make_message: MakeMessage) -> None:
    sent = [make_message("case.updated") for _ in range(10)]
    for message in sent:
        sink.deliver(message)
    eventually(lambda: len(bench.got()) == 10)
    assert [found["id"] for found in bench.got()] == [message.id for message in sent]


def test_repeating_carries_the_same_key(bench: Bench, sink: Sink, make_message: MakeMessage) -> None:
    message = make_message()
    sink.deliver(message)
    sink.deliver(message)
    eventually(lambda: len(bench.got()) == 2)
    assert {found["id"] for found in bench.got()} == {message.id}


def test_odd_content(bench: Bench, sink: Sink, make_message: MakeMessage) -> None:
    message = make_message(score=float("nan"), state="ÄLARM \u2028 \U0001f4a3", groups=tuple(range(500)))
    sink.deliver(message)
    eventually(bench.got)
    assert bench.got() == [message.to_dict()]


def test_nobody_there_is_an_error_in_time(bench: Bench, sink: Sink, make_message: MakeMessage) -> None:
    bench.die()
    started = time.monotonic()
    with pytest.raises(RemoteError) as caught:
        sink.deliver(make_message())
    assert time.monotonic() - started < 5
    assert caught.value.exit_code == 7
    assert "127.0.0.1" in str(caught.value)


def test_death_and_return(bench: Bench, sink: Sink, make_message: MakeMessage) -> None:
    sink.deliver(make_message())
    eventually(bench.got)
    bench.die()
    with pytest.raises(RemoteError):
        sink.deliver(make_message())
    bench.come_back()
    message = make_message()
    _until_delivered(sink, message)
    eventually(lambda: message.to_dict() in bench.got())


def test_through_the_outbox_nothing_is_lost(
    bench: Bench, sink: Sink, store: Store, make_case: Callable[..., Any]
) -> None:
    with Dispatcher(store, [sink], retry=RetryPolicy(0.05, 0.2), poll_s=0.02) as dispatcher:
        store.cases.open(make_case("before"))
        assert dispatcher.drain(10)
        # A broker that is killed right after its confirmation may not have passed the message on.
        eventually(lambda: len(bench.got()) == 1)
        bench.die()
        store.cases.open(make_case("during"))
        assert not dispatcher.drain(0.3)
        bench.come_back()
        store.cases.open(make_case("after"))
        assert dispatcher.drain(20)
        eventually(lambda: {found["machine"] for found in bench.got()} == {"before", "during", "after"})


def test_secrets_do_not_show(bench: Bench, sink: Sink, make_message: MakeMessage) -> None:
    bench.die()
    with pytest.raises(RemoteError) as caught:
        sink.deliver(make_message())
    assert SECRET not in f"{caught.value} {caught.value.hint} {sink!r} {caught.value.__cause__!r}"


def test_closing_twice_and_unused(bench: Bench) -> None:
    sink = bench.make()
    sink.close()
    sink.close()


def _until_delivered(sink: Sink, message: AlertMessage) -> None:
    def delivered() -> bool:
        try:
            sink.deliver(message)
        except RemoteError:
            return False
        return True

    eventually(delivered, 20)
