"""Sessions of the clients: who may connect, and which client calls a method.

asyncua checks neither of them enough. It opens a channel without security whatever the server offers, and it checks the
certificate that a client names instead of the one that its channel uses; here a session becomes active only after the
channel itself was checked.
"""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession

from anomaly.alerts.sinks.opcua.client_trust import ClientTrust
from anomaly.alerts.sinks.opcua.subscriptions import EventSubscriptions

log = logging.getLogger(__name__)

# A client that tries again and again is logged as often as this.
_LOG_EVERY_S = 60.0

_caller: ContextVar[CheckedSession | None] = ContextVar("opcua_caller", default=None)


class RefusalLog:
    """Log of refused clients, each reason once a minute.

    Args:
        where: the sink.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._logged: dict[str, float] = {}

    def note(self, reason: str) -> None:
        """Log a refusal, unless the same was logged within the minute."""
        now_s = time.monotonic()
        self._logged = {text: at for text, at in self._logged.items() if now_s - at < _LOG_EVERY_S}
        if reason not in self._logged:
            self._logged[reason] = now_s
            log.warning("%s: a client was refused: %s", self._where, reason)


class Accounts:
    """Users of the server; asyncua asks it at each log-in.

    Args:
        passwords: by the name of the user.
        anonymous: clients without a user may read.
        where: the sink, for the log.
    """

    def __init__(self, passwords: Mapping[str, str], anonymous: bool, where: str) -> None:
        self._passwords, self._anonymous, self._log = dict(passwords), anonymous, RefusalLog(where)

    @property
    def tokens(self) -> list[type]:
        """Kinds of identity that a client may show."""
        users: list[type] = [ua.UserNameIdentityToken] if self._passwords else []
        return [*users, ua.AnonymousIdentityToken] if self._anonymous else users

    def get_user(
        self,
        _server: InternalServer,
        username: str | None = None,
        password: str | None = None,
        certificate: object = None,
    ) -> User | None:
        """Return the user; None if name or password are wrong. One without a name is anonymous, and may only read."""
        if username is None:
            return User(UserRole.User) if self._anonymous else None
        known = self._passwords.get(username)
        given = (password or "").encode()
        # Compared in any case, so that the time does not tell which names there are.
        same = hmac.compare_digest(given, (known or "").encode())
        if known is None or not same:
            self._log.note("wrong user or password")
            return None
        return User(UserRole.User, username)


class CheckedServer(InternalServer):
    """Server whose sessions are checked.

    Args:
        accounts: users.
        trust: client certificates.
        unencrypted: channels without security are allowed.
        where: the sink, for the log.
    """

    def __init__(self, accounts: Accounts, trust: ClientTrust, *, unencrypted: bool, where: str) -> None:
        super().__init__(user_manager=accounts)
        self.trust, self.unencrypted, self.refusals = trust, unencrypted, RefusalLog(where)
        self.allow_remote_admin = False
        self.supported_tokens = tuple(accounts.tokens)
        self.events = EventSubscriptions(self.subscription_service)

    def create_session(self, name: str, user: User | None = None, external: bool = False) -> InternalSession:
        """Return a new session of a client; nobody has logged in yet."""
        nobody = user or User(UserRole.Anonymous)
        return CheckedSession(
            self, self.aspace, self.subscription_service, name, user=nobody, external=external
        )

    def register_server(self, server: Any, conf: Any = None) -> None:
        """Refuse to be a discovery server: anybody could fill the memory."""
        raise ServiceError(ua.StatusCodes.BadServiceUnsupported)


class CheckedSession(InternalSession):
    """Session that becomes active only on a channel that may be used."""

    iserver: CheckedServer

    def activate_session(
        self, params: ua.ActivateSessionParameters, peer_certificate: bytes | None
    ) -> ua.ActivateSessionResult:
        """Check the channel, then the user."""
        if not peer_certificate:
            if not self.iserver.unencrypted:
                self.iserver.refusals.note("its channel has no security")
                raise ServiceError(ua.StatusCodes.BadSecurityModeInsufficient)
        elif (reason := self.iserver.trust.fault(peer_certificate)) is not None:
            self.iserver.refusals.note(reason)
            raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)
        return super().activate_session(params, peer_certificate)

    async def call(self, params: list[ua.CallMethodRequest]) -> list[ua.CallMethodResult]:
        """Call methods, which may ask for their caller."""
        token = _caller.set(self)
        try:
            return await super().call(params)
        finally:
            _caller.reset(token)

    async def create_monitored_items(
        self, params: ua.CreateMonitoredItemsParameters
    ) -> list[ua.MonitoredItemCreateResult]:
        """Add items to a subscription."""
        results = await super().create_monitored_items(params)
        self.iserver.events.added(params.SubscriptionId, results)
        return results

    def publish(
        self, acks: Iterable[ua.SubscriptionAcknowledgement] | None = None
    ) -> tuple[int, list[ua.StatusCode]]:
        """Take confirmations of notifications."""
        given = list(acks or ())
        for ack in given:
            self.iserver.events.acknowledged(ack.SubscriptionId, ack.SequenceNumber)
        return super().publish(given)

    def republish(self, params: ua.RepublishParameters) -> ua.NotificationMessage:
        """Send a notification again that the client has missed."""
        found = super().republish(params)
        self.iserver.events.republished(params.SubscriptionId, params.RetransmitSequenceNumber, found)
        return found


def calling_session() -> CheckedSession | None:
    """Return the session of the client whose call runs; None outside one."""
    return _caller.get()
