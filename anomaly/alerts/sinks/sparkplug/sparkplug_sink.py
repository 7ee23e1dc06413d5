"""Alerts and states by Sparkplug B: each message is one publication of the case's metrics."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from anomaly.alerts.sinks.sink import SinkError
from anomaly.alerts.sinks.sparkplug.device import Device
from anomaly.alerts.sinks.sparkplug.edge_node import EdgeNode
from anomaly.store.cases.case import Case
from anomaly.store.database.rows import LiveScore
from anomaly.store.outbox.message import AlertMessage

# Interval at which open cases are counted.
_LOOK_S = 10.0
# Messages whose repetition is recognised.
_REMEMBERED = 10_000


class SparkplugSink:
    """Sink that is an edge node; a message is delivered when the broker has processed its publication.

    Args:
        name: the sink's name.
        node: edge node.
        machines: machines that are born with the node; others are when there is something to say of them.
        words: puts a message into one sentence.
        timeout_s: for the connection, and for the primary host.
        test_only: connect, and publish nothing: a second node of the same name would confuse hosts.
    """

    def __init__(
        self,
        name: str,
        node: EdgeNode,
        *,
        machines: Sequence[str] = (),
        words: Callable[[AlertMessage], str] = lambda message: message.event,
        timeout_s: float = 10.0,
        test_only: bool = False,
    ) -> None:
        self.name = name
        self.resend_s = _LOOK_S
        self.last_answer = ""
        self._node, self._words = node, words
        self._timeout_s, self._test_only = timeout_s, test_only
        self._published: OrderedDict[str, None] = OrderedDict()
        for machine in machines:
            node.device(machine)

    @property
    def machines(self) -> tuple[str, ...]:
        """Names of the devices."""
        return self._node.machines

    def check(self) -> str:
        """Connect with the account of the sink; return one line about it.

        Raises:
            SinkError: no connection in time, or the broker has refused the account.
        """
        self._node.check()
        return f"{self._node.address} accepts the connection"

    def deliver(self, message: AlertMessage) -> None:
        """Publish the metrics of the message's cases; a test publishes nothing.

        Raises:
            SinkError: no connection in time, or the broker does not answer.
        """
        if self._test_only:
            self.last_answer = f"{self.check()}; nothing was published"
            return
        self._node.require(self._timeout_s)
        connection = self._node.connections
        if message.id not in self._published:
            self._publish(message)
        self._node.processed()
        if self._node.connections != connection:
            raise SinkError("the connection was lost", where=self._node.address)
        # Before that, a repetition is published again: nobody knows whether the broker has got it.
        self._published[message.id] = None
        while len(self._published) > _REMEMBERED:
            self._published.popitem(last=False)
        self.last_answer = f"{self._node.address} has processed it"

    def publish_score(self, row: LiveScore) -> None:
        """Publish what has changed of a machine's newest second. Never waits.

        Without sound nothing is known of a machine, and its device is dead.
        """
        if self._test_only:
            return
        self._node.open()
        device = self._node.device(row.machine)
        changed = device.take_score(row)
        if row.is_known or row.sensor is not None:
            self._node.publish(device, changed)
        else:
            self._node.bury(device)

    def publish_open_cases(self, cases: Sequence[Case]) -> None:
        """Publish how many cases of each machine are open."""
        if self._test_only:
            return
        self._node.open()
        by_machine: Mapping[str, list[Case]] = _by_machine(cases)
        for machine in {*self.machines, *by_machine}:
            self._take_cases(self._node.device(machine), by_machine.get(machine, []))

    def close(self) -> None:
        """Publish that the node is dead, and disconnect."""
        self._node.close()

    def _publish(self, message: AlertMessage) -> None:
        for case in message.group or ((message.case,) if message.case is not None else ()):
            device = self._node.device(case.machine)
            names = device.take_message(message, case, self._words(message))
            if not self._node.publish(device, names):
                raise SinkError("the connection was lost", where=self._node.address)

    def _take_cases(self, device: Device, cases: list[Case]) -> None:
        text = "" if not cases else self._words(_state_message(cases[0]))
        changed = device.take_open_cases(cases, text, int(time.time() * 1000))
        if changed:
            self._node.publish(device, changed)


def _by_machine(cases: Sequence[Case]) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(case.machine, []).append(case)
    return found


def _state_message(case: Case) -> AlertMessage:
    return AlertMessage("case.opened", case.machine, case.opened_at, case)
