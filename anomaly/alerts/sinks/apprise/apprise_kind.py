"""Kind of sink ``apprise``: its section of the site file, how it is built, and its probe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from anomaly.alerts.sinks.registry import SinkContext, SinkKind
from anomaly.alerts.sinks.sink import Sink
from anomaly.config import Location, Seconds, SinkConfig, Text
from anomaly.languages import Language

if TYPE_CHECKING:
    from anomaly.alerts.sinks.apprise.apprise_sink import AppriseSink


class AppriseConfig(SinkConfig):
    """A service that Apprise knows, such as Teams, Slack or an SMS gateway; needs the extra `apprise`."""

    address_env: Text | None = Field(
        default=None, description="environment variable with the Apprise address, which holds the secrets"
    )
    address_file: Location | None = Field(default=None, description="file with the Apprise address")
    language: Language | None = Field(default=None, description="en or de; default: that of the site")
    timeout_s: Seconds = Field(default=10.0, description="for connecting, and for each answer")

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if bool(self.address_env) == bool(self.address_file):
            raise ValueError("give one of address_env and address_file")
        return self


def build(config: AppriseConfig, context: SinkContext) -> Sink:
    """Build the sink that sends through Apprise."""
    return _sink(config, context)


def probe(config: AppriseConfig, context: SinkContext) -> str:
    """Read the address; Apprise has no way to ask a service without sending something."""
    return _sink(config, context).description


def _sink(config: AppriseConfig, context: SinkContext) -> AppriseSink:
    from anomaly.alerts.sinks.apprise.apprise_sink import AppriseSink

    address = context.secret(config.address_env, config.address_file, f"apprise {config.name}")
    return AppriseSink(
        config.name,
        address or "",
        language=config.language or context.language,
        site=context.site,
        timeout_s=config.timeout_s,
    )


APPRISE = SinkKind("services that Apprise knows", AppriseConfig, build, probe, audience="people")
