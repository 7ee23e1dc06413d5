"""Kind of sink ``email``: its section of the site file, how it is made, and its probe."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from anomaly.alerts.sinks.account import AccountConfig
from anomaly.alerts.sinks.registry import SinkContext, SinkKind
from anomaly.alerts.sinks.sink import Sink
from anomaly.config import Location, Seconds, Text
from anomaly.languages import Language

if TYPE_CHECKING:
    from anomaly.alerts.sinks.email.smtp_session import SmtpSession

# The usual part of RFC 5321, 4.1.2: no quotes, no comments, no address literals, ASCII.
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?"
)
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_PROBE_S = 5.0


def mail_address(text: str) -> str:
    """Return an address of mail.

    Raises:
        ValueError: it is none.
    """
    if not _ADDRESS.fullmatch(text.strip()):
        raise ValueError("must be an address of mail, such as maintenance@plant.example")
    return text.strip()


MailAddress = Annotated[str, AfterValidator(mail_address)]


class EmailConfig(AccountConfig):
    """Mail to people, in words, over an SMTP server."""

    host: Text = Field(description="name or address of the SMTP server")
    port: int | None = Field(
        default=None, ge=1, le=65535, description="587 by default, 465 for tls, 25 for none"
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="encryption: after connecting (starttls), from the start (tls), or none",
    )
    ca_file: Location | None = Field(
        default=None, description="certificates to trust instead of the usual ones"
    )
    sender: MailAddress = Field(description="address that the mail comes from")
    recipients: Annotated[tuple[MailAddress, ...], Field(min_length=1, max_length=100)] = Field(
        description="addresses that get it"
    )
    language: Language | None = Field(default=None, description="en or de; default: that of the site")
    picture: bool = Field(default=True, description="show the spectrogram of the case's clip")
    picture_wait_s: float = Field(
        default=20.0, ge=0, le=600, description="longest wait for the picture of a new case"
    )
    timeout_s: Seconds = Field(default=10.0, description="for connecting, and for each answer")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.security == "none" and self.username is not None:
            raise ValueError(
                "a password is sent over an encrypted connection only: security must not be none"
            )
        if self.security == "none" and self.ca_file is not None:
            raise ValueError("ca_file is of no use with security: none")
        if len(set(self.recipients)) < len(self.recipients):
            raise ValueError("an address stands twice among the recipients")
        return self


def _session(config: EmailConfig, context: SinkContext, timeout_s: float) -> SmtpSession:
    from anomaly.alerts.sinks.email.smtp_session import SmtpSession
    from anomaly.http_environment import tls_context

    where = f"email {config.name} at {config.host}:{config.port or _PORTS[config.security]}"
    trust = (
        None
        if config.ca_file is None
        else tls_context(f"{where}: {config.ca_file}", cafile=str(config.ca_file))
    )
    return SmtpSession(
        config.host,
        config.port or _PORTS[config.security],
        where=where,
        security=config.security,
        trust=trust,
        username=config.username,
        password=config.password(context, "email"),
        timeout_s=timeout_s,
    )


def build(config: EmailConfig, context: SinkContext) -> Sink:
    """Build the sink that sends mail."""
    from anomaly.alerts.sinks.email.email_sink import EmailSink

    return EmailSink(
        config.name,
        _session(config, context, config.timeout_s),
        sender=config.sender,
        recipients=config.recipients,
        language=config.language or context.language,
        site=context.site,
        picture_wait_s=config.picture_wait_s if config.picture and not context.test_only else None,
    )


def probe(config: EmailConfig, context: SinkContext) -> str:
    """Connect to the server, encrypt and log in; send nothing."""
    return _session(config, context, min(config.timeout_s, _PROBE_S)).check()


EMAIL = SinkKind("mail over SMTP", EmailConfig, build, probe, audience="people")
