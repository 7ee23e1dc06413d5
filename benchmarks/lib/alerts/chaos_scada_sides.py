"""Other sides of the SCADA sinks in the chaos benchmark: a host of Sparkplug, and a client of OPC UA."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from anomaly.alerts.sinks.opcua.certificate import own_certificate
from anomaly.alerts.sinks.opcua.condition import message_id_of
from anomaly.alerts.sinks.sparkplug.payload import decode
from lib.alerts.chaos_receivers import MqttSide
from lib.alerts.chaos_sinks import SECRET

Message = Mapping[str, Any]
_ALIVE_S = 0.2
_TIMEOUT_S = 2.0


class SparkplugSide(MqttSide):
    """Mosquitto, and a host application that reads all messages about cases."""

    kind = "sparkplug"
    topic = "spBv1.0/#"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._names: dict[int, str] = {}

    def take(self, topic: str, payload: bytes) -> None:
        """Take a message; births say what the aliases mean."""
        kind = topic.split("/")[2]
        metrics = decode(payload)
        if kind.endswith("BIRTH"):
            self._names |= {one.alias: str(one.name) for one in metrics if one.alias is not None}
        if kind == "DDATA":
            found = {self._names.get(one.alias or 0): one.value for one in metrics}
            if "Case/Message" in found:
                self._messages.append({"id": found["Case/Message"]})


class OpcUaSide:
    """Client that subscribes to the events of the server, which is the sink, and connects again whenever it must."""

    kind = "opcua"
    keyed = True
    doubled = 0
    # The server takes as long to start; a process that is killed before shows nothing.
    start_s = 4.0

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._certificate = own_certificate(folder / "opcua-client", "client", "127.0.0.1")
        self._keys: list[str] = []
        self._closing = threading.Event()
        self._reached_at = self.port
        self._thread = threading.Thread(target=lambda: asyncio.run(self._stay_connected()), daemon=True)

    @property
    def messages(self) -> list[Message]:
        """All that arrived."""
        return [{"id": key} for key in list(self._keys)]

    def sink_port(self, proxy_port: int) -> int:
        """Return the port at which the sink listens; the client reaches it through the proxy."""
        self._reached_at = proxy_port
        return self.port

    def __enter__(self) -> OpcUaSide:
        # The client says much about connections that are cut on purpose.
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    async def _stay_connected(self) -> None:
        while not self._closing.is_set():
            with suppress(Exception):  # of any kind: the connection was refused, cut or hangs
                await self._listen()
            await asyncio.sleep(0.05)

    async def _listen(self) -> None:
        from asyncua import Client, ua
        from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

        client = Client(f"opc.tcp://127.0.0.1:{self._reached_at}/anomaly", timeout=_TIMEOUT_S)
        client.application_uri = self._certificate.uri
        client.set_user("scada")
        client.set_password(SECRET.decode())
        try:
            async with asyncio.timeout(5 * _TIMEOUT_S):
                await client.set_security(
                    SecurityPolicyBasic256Sha256, self._certificate.cert, self._certificate.key
                )
                await client.connect()
                await self._subscribe(client)
            while not self._closing.is_set():
                await asyncio.sleep(_ALIVE_S)
                await client.get_node(ua.NodeId(ua.ObjectIds.Server_ServerStatus_State)).read_value()
        finally:
            with suppress(Exception):
                async with asyncio.timeout(_TIMEOUT_S):
                    await client.disconnect()

    async def _subscribe(self, client: Any) -> None:
        from asyncua import ua

        wanted = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=50,
            RequestedLifetimeCount=1_000,
            RequestedMaxKeepAliveCount=20,
            PublishingEnabled=True,
        )
        created = await client.uaclient.create_subscription(wanted, self._notified)
        event_id = ua.SimpleAttributeOperand(
            TypeDefinitionId=ua.NodeId(ua.ObjectIds.BaseEventType),
            BrowsePath=[ua.QualifiedName("EventId", 0)],
            AttributeId=ua.AttributeIds.Value,
        )
        item = ua.MonitoredItemCreateRequest(
            ItemToMonitor=ua.ReadValueId(
                NodeId=ua.NodeId(ua.ObjectIds.Server), AttributeId=ua.AttributeIds.EventNotifier
            ),
            MonitoringMode=ua.MonitoringMode.Reporting,
            RequestedParameters=ua.MonitoringParameters(
                ClientHandle=1, QueueSize=0, Filter=ua.EventFilter(SelectClauses=[event_id])
            ),
        )
        await client.uaclient.create_monitored_items(
            ua.CreateMonitoredItemsParameters(SubscriptionId=created.SubscriptionId, ItemsToCreate=[item])
        )

    def _notified(self, result: Any) -> None:
        """Note the events of a notification, before the client confirms it."""
        for part in result.NotificationMessage.NotificationData or ():
            for event in getattr(part, "Events", None) or ():
                self._keys.append(message_id_of(event.EventFields[0].Value))
