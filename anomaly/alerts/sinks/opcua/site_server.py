"""OPC UA server of a site: endpoint, security, address space, conditions; all of it on one event loop."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from asyncua import Server, ua

from anomaly import __version__
from anomaly.alerts.sinks.opcua.address_space import NAMESPACE, AddressSpace
from anomaly.alerts.sinks.opcua.certificate import OwnCertificate
from anomaly.alerts.sinks.opcua.client_trust import ClientTrust
from anomaly.alerts.sinks.opcua.condition import message_event_id
from anomaly.alerts.sinks.opcua.conditions import Conditions, Words
from anomaly.alerts.sinks.opcua.event import CONDITION_TYPES, OutgoingEvent, test_fields
from anomaly.alerts.sinks.opcua.limited_server import LimitedServer
from anomaly.alerts.sinks.opcua.methods import ConditionMethods
from anomaly.alerts.sinks.opcua.server_check import check_address, unusable_address
from anomaly.alerts.sinks.opcua.sessions import Accounts, CheckedServer
from anomaly.alerts.sinks.opcua.subscriptions import EventDelivery
from anomaly.alerts.sinks.sink import CaseOperations, SinkError
from anomaly.store.cases.case import Case
from anomaly.store.database.rows import LiveScore
from anomaly.store.outbox.message import AlertMessage

# Messages whose repetition is recognised after a client has confirmed them, and before: some MB each.
_MOST_DONE, _MOST_PENDING = 10_000, 500
_SECURE = [
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
]

Value = TypeVar("Value")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerSettings:
    """Settings of the server.

    Args:
        name: of the sink.
        host: address at which it listens.
        port: its port.
        machines: machines that are shown from the start.
        accounts: users.
        trust: client certificates.
        certificate: its own.
        unencrypted: channels without security are allowed, too.
        facts: of a machine, from the site file.
        words: puts a message into one sentence.
        locale: of the sentence.
    """

    name: str
    host: str
    port: int
    machines: Sequence[str]
    accounts: Accounts
    trust: ClientTrust
    certificate: OwnCertificate
    unencrypted: bool
    facts: Callable[[str], Mapping[str, str]]
    words: Words
    locale: str

    @property
    def url(self) -> str:
        """Address of the endpoint."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"opc.tcp://{host}:{self.port}/anomaly"


class SiteServer:
    """Server that listens from ``start`` to ``stop``; used on its loop alone.

    Args:
        settings: of the server.
        operations: returns what changes cases; None while there is nothing.
        where: the sink, for errors and the log.
    """

    def __init__(
        self, settings: ServerSettings, operations: Callable[[], CaseOperations | None], where: str
    ) -> None:
        self._settings, self._operations, self._where = settings, operations, where
        self._pending: OrderedDict[str, EventDelivery] = OrderedDict()
        self._done: OrderedDict[str, None] = OrderedDict()
        self._server: Server | None = None

    async def start(self) -> None:
        """Listen; must be called once before all else.

        Raises:
            SinkError: the address cannot be used.
        """
        settings = self._settings
        check_address(settings.host, settings.port, self._where)
        settings.trust.prepare()
        inner = CheckedServer(
            settings.accounts, settings.trust, unencrypted=settings.unencrypted, where=self._where
        )
        server = LimitedServer(inner)
        await server.init()
        await server.set_application_uri(settings.certificate.uri)
        await self._describe(server)
        self._space = AddressSpace(server, await server.register_namespace(NAMESPACE), settings.locale)
        self._conditions = Conditions(self._space, settings.facts, settings.words, settings.locale)
        self._events = inner.events
        for machine in settings.machines:
            await self._conditions.machine(machine)
        ConditionMethods(self._conditions, self._events, self._operations, self._where).bind(server)
        try:
            await server.start()
        except OSError as error:
            raise unusable_address(settings.host, settings.port, error, self._where) from error
        self._server = server
        log.info("%s: listens at %s", self._where, settings.url)

    async def stop(self) -> None:
        """Close all connections and stop listening."""
        server, self._server = self._server, None
        if server is None:
            return
        if (clock := server.iserver.time_task) is not None:
            clock.cancel()  # asyncua waits for its next second
            with suppress(asyncio.CancelledError):
                await clock
            server.iserver.time_task = None
        await server.stop()

    async def deliver(self, message: AlertMessage, timeout_s: float, *, wait: bool) -> str:
        """Send the events of a message; a repetition goes only to clients that have not had it.

        Args:
            message: to send.
            timeout_s: for a client's confirmation.
            wait: until a client has confirmed it.

        Returns:
            What became of it, in words.

        Raises:
            SinkError: no client has confirmed it in time.
        """
        done = "a client has confirmed it" if wait else f"shown at {self._settings.url}"
        if message.id in self._done:
            return done
        delivery = self._pending.get(message.id) or EventDelivery(await self._events_of(message))
        _remember(self._pending, message.id, delivery, _MOST_PENDING)
        if not wait:
            await self._events.send(delivery)
        if not wait or await self._events.deliver(delivery, timeout_s):
            del self._pending[message.id]
            _remember(self._done, message.id, None, _MOST_DONE)
            return done
        if delivery.taken_by:
            raise SinkError("no client has confirmed the event in time", where=self._where)
        raise SinkError(
            "no client has subscribed to events",
            where=self._where,
            hint=f"connect one to {self._settings.url}, or set wait_for_client: false",
        )

    async def publish_score(self, row: LiveScore) -> None:
        """Show a machine's newest second."""
        await self._space.write_score(await self._conditions.machine(row.machine), row)

    async def publish_open_cases(self, cases: Sequence[Case]) -> None:
        """Bring the conditions to the open cases."""
        events = await self._conditions.follow(cases)
        if events and self._events.any:
            await self._events.send(EventDelivery(events))
            self._conditions.mark_notified(events)

    async def _events_of(self, message: AlertMessage) -> list[OutgoingEvent]:
        if message.case is not None or message.group:
            return await self._conditions.events_of(message)
        server = ua.NodeId(ua.ObjectIds.Server)
        text = self._settings.words(message)
        event_id = message_event_id(message.id, "")
        fields = test_fields(event_id, message.machine, self._space.root, text, self._settings.locale)
        return [OutgoingEvent(fields, CONDITION_TYPES[:1], (server, self._space.root))]

    async def _describe(self, server: Server) -> None:
        settings = self._settings
        server.set_server_name(f"anomaly {settings.name}")
        server.product_uri, server.manufacturer_name = "urn:anomaly", "anomaly"
        server.application_type = ua.ApplicationType.Server
        now = server.iserver.aspace.read_attribute_value(
            ua.NodeId(ua.ObjectIds.Server_ServerStatus), ua.AttributeIds.Value
        ).SourceTimestamp
        await server.set_build_info("urn:anomaly", "anomaly", "anomaly", __version__, "0", now)
        server.set_endpoint(settings.url)
        policies = [*_SECURE, ua.SecurityPolicyType.NoSecurity] if settings.unencrypted else _SECURE
        server.set_security_policy(policies)
        await server.load_certificate(settings.certificate.cert, "der")
        await server.load_private_key(settings.certificate.key, format="pem")


def _remember(known: OrderedDict[str, Value], key: str, value: Value, most: int) -> None:
    known[key] = value
    while len(known) > most:
        known.popitem(last=False)
