"""A real SMTP server on this computer, with encryption and accounts, that can refuse, hang and cut the connection."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from support.certificate import Certificate
from support.mqtt_broker import free_port


@dataclass
class MailReceiver:
    """SMTP server at a free port.

    Args:
        certificate: for STARTTLS, which it then requires; None offers no encryption.
        implicit_tls: encrypt from the start instead.
        account: user and password that it requires.

    Attributes:
        mails: those that it has taken, with the recipients of the envelope in ``recipients``.
        refuse_recipient: answer to a recipient; None to accept it.
        data_answer: answer to a mail, instead of taking it.
        on_data: called before a mail is answered.
    """

    certificate: Certificate | None = None
    implicit_tls: bool = False
    account: tuple[str, str] | None = None
    port: int = field(default_factory=free_port)
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refuse_recipient: Callable[[str], str | None] = lambda _: None
    data_answer: str | None = None
    on_data: Callable[[SMTP], None] = lambda _: None
    controller: Controller | None = None

    def start(self) -> None:
        options: dict[str, Any] = {}
        if self.certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.certificate.cert, self.certificate.key)
            options |= {"ssl_context": context} if self.implicit_tls else {"tls_context": context}
            options["require_starttls"] = not self.implicit_tls
        if self.account is not None:
            options |= {"authenticator": self._authenticate, "auth_required": True}
            options["auth_require_tls"] = not self.implicit_tls
        self.controller = Controller(self, "127.0.0.1", self.port, **options)
        self.controller.start()

    def stop(self) -> None:
        controller, self.controller = self.controller, None
        if controller is not None:
            controller.stop()

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == self.account, handled=False)

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        refusal = self.refuse_recipient(address)
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        self.on_data(server)
        await asyncio.sleep(0)
        if self.data_answer is not None:
            return self.data_answer
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=default)  # type: ignore[arg-type]
        self.mails.append(mail)  # type: ignore[arg-type]
        self.recipients.append(list(envelope.rcpt_tos))
        return f"250 2.0.0 Ok: queued as {len(self.mails)}"


@pytest.fixture
def start_mail_receiver() -> Iterator[Callable[..., MailReceiver]]:
    started: list[MailReceiver] = []

    def start(**settings: Any) -> MailReceiver:
        started.append(MailReceiver(**settings))
        started[-1].start()
        return started[-1]

    yield start
    for receiver in started:
        receiver.stop()
