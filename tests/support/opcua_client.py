"""OPC UA client of the tests: asyncua's, in a thread of its own, that notes the events it gets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from asyncua import Client, ua
from asyncua.common.events import get_filter_from_event_type
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from anomaly.alerts.sinks.opcua.certificate import OwnCertificate, own_certificate
from support.waiting import wait_until

Result = TypeVar("Result")
NAMESPACE = 2
CONDITION_REFRESH = ua.NodeId(ua.ObjectIds.ConditionType_ConditionRefresh)
CONDITION_REFRESH2 = ua.NodeId(ua.ObjectIds.ConditionType_ConditionRefresh2)
CONDITION_TYPE = ua.NodeId(ua.ObjectIds.ConditionType)
ACKNOWLEDGE = ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge)
ADD_COMMENT = ua.NodeId(ua.ObjectIds.ConditionType_AddComment)


class OpcUaClient:
    """Client with a certificate of its own; all of its calls wait for the answer."""

    def __init__(self, port: int, folder: Path, user: str | None = "ann", password: str = "s3cret") -> None:
        self.port, self.user, self.password = port, user, password
        self.certificate: OwnCertificate = own_certificate(folder, "client", "127.0.0.1")
        self.events: list[Any] = []
        self.values: list[tuple[str, Any]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._client: Client | None = None
        self.subscription: Any = None

    def run(self, job: Awaitable[Result], timeout_s: float = 20.0) -> Result:
        """Run a job of asyncua on the client's loop."""

        async def awaited() -> Result:
            return await job

        future: Future[Result] = asyncio.run_coroutine_threadsafe(awaited(), self._loop)
        return future.result(timeout_s)

    @property
    def client(self) -> Client:
        assert self._client is not None
        return self._client

    @property
    def is_subscribed(self) -> bool:
        """Return whether the client has subscribed over a connection that is alive."""
        client, subscription = self._client, self.subscription
        return client is not None and subscription is not None and not client.uaclient.protocol.is_closed

    def connect(self, *, encrypted: bool = True) -> None:
        """Open a session."""
        client = Client(f"opc.tcp://127.0.0.1:{self.port}/anomaly", timeout=5)
        client.application_uri = self.certificate.uri
        if self.user is not None:
            client.set_user(self.user)
            client.set_password(self.password)

        async def open_session() -> None:
            if encrypted:
                await client.set_security(
                    SecurityPolicyBasic256Sha256, self.certificate.cert, self.certificate.key
                )
            await client.connect()

        self.run(open_session())
        self._client = client

    def subscribe(
        self,
        *,
        period_ms: float = 20,
        nodes: tuple[Any, ...] = (ua.ObjectIds.Server,),
        where: ua.ContentFilter | None = None,
    ) -> None:
        """Subscribe to the events of nodes; they are noted."""

        async def create() -> None:
            alarm = self.client.get_node(ua.NodeId(ua.ObjectIds.OffNormalAlarmType))
            chosen = await get_filter_from_event_type([alarm], False)
            chosen.WhereClause = where or ua.ContentFilter()
            subscription = await self.client.create_subscription(period_ms, self)
            for node in nodes:
                await subscription.subscribe_events(node, evfilter=chosen)
            self.subscription = subscription

        self.run(create())

    def event_notification(self, event: Any) -> None:
        self.events.append(event)

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        self.values.append((str(node.nodeid.Identifier), value))

    def status_change_notification(self, status: Any) -> None: ...

    def alarms(self) -> list[Any]:
        """Return the events of conditions."""
        return [one for one in self.events if one.EventType == ua.NodeId(ua.ObjectIds.OffNormalAlarmType)]

    def wait_for(self, count: int) -> list[Any]:
        """Wait for this many events of conditions."""
        wait_until(lambda: len(self.alarms()) >= count)
        return self.alarms()

    def data(self, path: str) -> ua.DataValue:
        """Read a variable with its status, such as ``pump/Score``."""
        node = self.client.get_node(ua.NodeId(path, NAMESPACE))
        return self.run(node.read_data_value(raise_on_bad_status=False))

    def value(self, path: str) -> Any:
        """Read the value of a variable."""
        return self.data(path).Value.Value

    def call(self, node: ua.NodeId, method: ua.NodeId, *arguments: Any) -> str:
        """Call a method; return the name of the status."""
        request = ua.CallMethodRequest(ObjectId=node, MethodId=method, InputArguments=list(arguments))

        async def send() -> str:
            (result,) = await self.client.uaclient.call([request])
            return str(result.StatusCode.name)

        return self.run(send())

    def acknowledge(self, event: Any, comment: str = "", method: ua.NodeId = ACKNOWLEDGE) -> str:
        """Acknowledge a condition by its event, or call another method with the same arguments."""
        return self.call(
            event.NodeId,
            method,
            ua.Variant(event.EventId, ua.VariantType.ByteString),
            ua.Variant(ua.LocalizedText(comment), ua.VariantType.LocalizedText),
        )

    def refresh(self) -> str:
        """Ask for all conditions of interest."""
        number = ua.Variant(self.subscription.subscription_id, ua.VariantType.UInt32)
        return self.call(CONDITION_TYPE, CONDITION_REFRESH, number)

    def disconnect(self) -> None:
        """Close the session, if one is open."""
        client, self._client, self.subscription = self._client, None, None
        if client is not None:
            with suppress(Exception):  # the server may be gone
                self.run(client.disconnect())

    def confirm(self, sequence: int) -> None:
        """Confirm a notification by a request for the next one, whose answer nobody waits for."""
        number = self.subscription.subscription_id
        ack = ua.SubscriptionAcknowledgement(SubscriptionId=number, SequenceNumber=sequence)

        async def send() -> None:
            with suppress(Exception):  # the connection ends first
                await self.client.uaclient.publish([ack])

        asyncio.run_coroutine_threadsafe(send(), self._loop)

    def republish(self, sequence: int) -> ua.NotificationMessage:
        """Ask for a notification again."""
        return self.run(self.client.uaclient.session.republish(self.subscription.subscription_id, sequence))

    def ask_for_nothing(self) -> None:
        """Stay connected, and ask for no notification any more: a client that hangs."""
        self._loop.call_soon_threadsafe(self.client.uaclient.session._publish_task.cancel)

    def drop(self) -> None:
        """Lose the connection without a word."""
        self._loop.call_soon_threadsafe(self.client.uaclient.protocol.transport.abort)

    def close(self) -> None:
        """Disconnect and end the thread."""
        self.disconnect()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
