"""Alerts and states by OPC UA: the monitor is the server, SCADA systems are its clients."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from anomaly.alerts.sinks.opcua.server_thread import ServerThread
from anomaly.alerts.sinks.opcua.site_server import ServerSettings, SiteServer
from anomaly.alerts.sinks.sink import CaseOperations
from anomaly.store.cases.case import Case
from anomaly.store.database.rows import LiveScore
from anomaly.store.outbox.message import AlertMessage

# A change without a message has its event after two looks.
_LOOK_S = 5.0
# A site of a thousand machines takes some seconds.
_FOLLOW_S = 30.0


class OpcUaSink:
    """Sink whose server shows each machine; a client's acknowledgement of the notification confirms a message.

    The server listens from the first use on, so that of several monitors on one database only that one listens which
    delivers.

    Args:
        name: the sink's name.
        settings: makes the settings of the server, when it is about to listen.
        machines: machines that are shown from the start.
        wait_for_client: a message is delivered when a client has confirmed its event; else when it is shown.
        timeout_s: for that confirmation.
        test: in place of a delivery, tries the server of the monitor that runs, and returns a line about it.
    """

    def __init__(
        self,
        name: str,
        settings: Callable[[], ServerSettings],
        *,
        machines: Sequence[str] = (),
        wait_for_client: bool = True,
        timeout_s: float = 10.0,
        test: Callable[[], str] | None = None,
    ) -> None:
        self.name = name
        self.resend_s = _LOOK_S
        self.last_answer = ""
        self.machines = tuple(machines)
        self._wait, self._timeout_s, self._test = wait_for_client, timeout_s, test
        self._operations: CaseOperations | None = None
        # Until the server listens.
        self._waiting: dict[str, LiveScore] = {}
        where = f"opcua {name}"
        # It reports each refused client as an error, with a traceback for each stray byte; what matters is logged here.
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)
        self._thread = ServerThread(lambda: SiteServer(settings(), lambda: self._operations, where), where)

    def operate(self, operations: CaseOperations) -> None:
        """Take what changes cases when a client acknowledges or comments."""
        self._operations = operations

    def deliver(self, message: AlertMessage) -> None:
        """Send the events of the message, and wait for a client's confirmation.

        Raises:
            SinkError: the server cannot listen, or no client has confirmed it in time.
        """
        if self._test is not None:
            self.last_answer = self._test()
            return
        self.last_answer = self._thread.run(
            lambda server: server.deliver(message, self._timeout_s, wait=self._wait), self._timeout_s
        )

    def publish_score(self, row: LiveScore) -> None:
        """Show a machine's newest state and score. Never waits."""
        if self._thread.is_running:
            self._thread.post(lambda server: server.publish_score(row))
        else:
            self._waiting[row.machine] = row

    def publish_open_cases(self, cases: Sequence[Case]) -> None:
        """Bring the conditions to the open cases, so that they are there again after a restart.

        Raises:
            SinkError: the server cannot listen.
        """
        if self._test is None:
            self._thread.run(lambda server: server.publish_open_cases(cases), _FOLLOW_S)
            while self._waiting:
                self.publish_score(self._waiting.popitem()[1])

    def close(self) -> None:
        """Stop the server; may be repeated."""
        self._thread.close()
