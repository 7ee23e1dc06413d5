"""Kind of sink ``webhook``: its section of the site file, how it is made, and its probe."""

from __future__ import annotations

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from anomaly.alerts.sinks.http_account import ALLOW_PRIVATE
from anomaly.alerts.sinks.private_address import checked_addresses
from anomaly.alerts.sinks.probe import probe_tcp
from anomaly.alerts.sinks.registry import SinkContext, SinkKind
from anomaly.alerts.sinks.sink import Sink
from anomaly.config import Location, Seconds, SinkConfig, Text


class WebhookConfig(SinkConfig):
    """A web hook that gets each alert as a CloudEvent."""

    url: Text = Field(description="http or https address")
    mode: Literal["structured", "binary"] = Field(default="structured", description="CloudEvents mode")
    secret_env: Text | None = Field(default=None, description="environment variable with the signing key")
    secret_file: Location | None = Field(default=None, description="file with the signing key")
    timeout_s: Seconds = Field(default=10.0, description="for connecting, and for each read and write")
    allow_private: bool = Field(default=False, description=ALLOW_PRIVATE)
    ca_file: Location | None = Field(
        default=None, description="certificates to trust instead of the usual ones"
    )

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if self.secret_env and self.secret_file:
            raise ValueError("give secret_env or secret_file, not both")
        return self


def build(config: WebhookConfig, context: SinkContext) -> Sink:
    """Build the sink that posts to a web hook."""
    from anomaly.alerts.sinks.webhook.webhook_sink import WebhookSink

    secret = context.secret(config.secret_env, config.secret_file, f"webhook {config.name}")
    return WebhookSink(
        config.name,
        config.url,
        mode=config.mode,
        secret=None if secret is None else secret.encode(),
        timeout_s=config.timeout_s,
        ca_file=config.ca_file,
        allow_private=config.allow_private,
    )


def probe(config: WebhookConfig, context: SinkContext) -> str:
    """Connect to the server of a web hook, or to the proxy that the environment names for it."""
    import httpx

    from anomaly.http_environment import open_client, proxy_of

    parts = urlsplit(config.url)
    url = httpx.URL(config.url)
    open_client(url, context.environ).close()
    if proxy := proxy_of(url, context.environ)[1]:
        behind = httpx.URL(proxy)
        probed = probe_tcp(behind.host, behind.port or {"http": 80, "https": 443}.get(behind.scheme, 1080))
        return f"its proxy {probed}"
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    checked_addresses(host, port, f"webhook {config.name}", allow_private=config.allow_private)
    return probe_tcp(host, port)


WEBHOOK = SinkKind("web hooks", WebhookConfig, build, probe)
