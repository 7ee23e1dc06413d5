"""HTTP server of a sink: its address, an account or a token, and the certificates to trust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from anomaly.alerts.sinks.account import AccountConfig
from anomaly.alerts.sinks.registry import SinkContext
from anomaly.config import Location, Seconds, Text

if TYPE_CHECKING:
    from anomaly.alerts.sinks.http_session import HttpSession

# Limit of a probe: the doctor probes one sink after another.
PROBE_S = 5.0
ALLOW_PRIVATE = "the receiver may stand in a private network, or on this computer"


class HttpServerConfig(AccountConfig):
    """Base of sinks that send requests to an HTTP server, with a user and a password or with a token."""

    url: Text = Field(description="http or https address")
    token_env: Text | None = Field(default=None, description="environment variable with a bearer token")
    token_file: Location | None = Field(default=None, description="file with a bearer token")
    ca_file: Location | None = Field(
        default=None, description="certificates to trust instead of the usual ones"
    )
    allow_private: bool = Field(default=False, description=ALLOW_PRIVATE)
    timeout_s: Seconds = Field(default=10.0, description="for connecting, and for each read and write")

    @model_validator(mode="after")
    def _one_account(self) -> Self:
        if len([one for one in (self.username, self.token_env, self.token_file) if one]) > 1:
            raise ValueError("give one of username, token_env and token_file")
        return self

    def session(
        self,
        context: SinkContext,
        kind: str,
        longest_s: float | None = None,
        *,
        token_header: str | None = None,
        keep_alive: bool = True,
    ) -> HttpSession:
        """Make the connection to the server; nothing is sent yet.

        Args:
            context: surroundings of the sink.
            kind: of the sink, for errors.
            longest_s: a shorter time limit than that of the section.
            token_header: header that carries the token; by default ``Authorization``, as a bearer token.
            keep_alive: use a connection for several requests.

        Raises:
            ConfigError: the address, the certificate file or a secret cannot be used.
        """
        from anomaly.alerts.sinks.http_session import HttpSession, checked_url
        from anomaly.http_environment import tls_context

        place = f"{kind} {self.name}"
        url = checked_url(self.url, place, "give username and password_env or password_file instead")
        token = context.secret(self.token_env, self.token_file, place)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        if token is not None and token_header is not None:
            headers = {token_header: token}
        password = self.password(context, kind)
        trust = self.ca_file and tls_context(f"{place}: {self.ca_file}", cafile=str(self.ca_file))
        return HttpSession(
            url,
            where=f"{place} at {url.host}",
            trust=trust or None,
            timeout_s=self.timeout_s if longest_s is None else min(self.timeout_s, longest_s),
            headers=headers,
            account=None if self.username is None else (self.username, password or ""),
            allow_private=self.allow_private,
            keep_alive=keep_alive,
        )
