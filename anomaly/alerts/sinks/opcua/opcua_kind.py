"""Kind of sink ``opcua``: its section of the site file, how it is built, and its probe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from anomaly.alerts.sinks.probe import TIMEOUT_S
from anomaly.alerts.sinks.registry import SinkContext, SinkKind
from anomaly.alerts.sinks.sink import Sink
from anomaly.alerts.wording import case_text
from anomaly.alerts.wording.site_facts import machine_facts
from anomaly.config import ConfigSection, Location, Seconds, SinkConfig, Site, Text
from anomaly.extras import needs
from anomaly.languages import Language

if TYPE_CHECKING:
    from anomaly.alerts.sinks.opcua.site_server import ServerSettings


class OpcUaUser(ConfigSection):
    """User of the OPC UA server."""

    username: Text = Field(description="name; acknowledgements are stored with it")
    password_env: Text | None = Field(default=None, description="environment variable with the password")
    password_file: Location | None = Field(default=None, description="file with the password")

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if bool(self.password_env) == bool(self.password_file):
            raise ValueError("give one of password_env and password_file")
        return self


class OpcUaConfig(SinkConfig):
    """OPC UA server with the states and alarms of all machines; needs the extra `opcua`."""

    host: Text = Field(
        default="127.0.0.1", description="address at which the server listens; 0.0.0.0 for all"
    )
    port: int = Field(default=4840, ge=1, le=65535, description="its port")
    users: tuple[OpcUaUser, ...] = Field(default=(), description="who may connect, and acknowledge")
    anonymous: bool = Field(default=False, description="clients without a user may read")
    unencrypted: bool = Field(default=False, description="clients may connect without encryption, too")
    trust_all_clients: bool = Field(
        default=False,
        description="take the certificate of any client, instead of those in the folder `trusted`",
    )
    folder: Location | None = Field(
        default=None,
        description="certificates: the server's own, and the folders `trusted` and `rejected` for those of clients;"
        " default: `opcua-NAME` in the state folder",
    )
    wait_for_client: bool = Field(
        default=True, description="a message counts as delivered when a client has confirmed its event"
    )
    language: Language | None = Field(default=None, description="en or de; default: that of the site")
    timeout_s: Seconds = Field(default=10.0, description="for a client's confirmation")

    @model_validator(mode="after")
    def _somebody_may_connect(self) -> Self:
        if not self.users and not self.anonymous:
            raise ValueError("nobody could connect: give users, or anonymous: true")
        names = [user.username for user in self.users]
        if len(set(names)) < len(names):
            raise ValueError("two users have one name")
        return self


def build(config: OpcUaConfig, context: SinkContext) -> Sink:
    """Build the sink that is an OPC UA server; it listens, and makes its certificate, at its first use."""
    _require_library()
    from anomaly.alerts.sinks.opcua.opcua_sink import OpcUaSink

    passwords = _passwords(config, context)
    return OpcUaSink(
        config.name,
        lambda: _settings(config, context, passwords),
        machines=context.machines,
        wait_for_client=config.wait_for_client,
        timeout_s=config.timeout_s,
        test=(lambda: _check(config, context, config.timeout_s)) if context.test_only else None,
    )


def probe(config: OpcUaConfig, context: SinkContext) -> str:
    """Connect to the server if the monitor runs, with the first user; else try its address."""
    return _check(config, context, min(config.timeout_s, TIMEOUT_S))


def _require_library() -> None:
    with needs("opcua"):
        import asyncua
    del asyncua


def _passwords(config: OpcUaConfig, context: SinkContext) -> dict[str, str]:
    return {
        user.username: context.secret(
            user.password_env, user.password_file, f"opcua {config.name}, user {user.username}"
        )
        or ""
        for user in config.users
    }


def _settings(config: OpcUaConfig, context: SinkContext, passwords: Mapping[str, str]) -> ServerSettings:
    from anomaly.alerts.sinks.opcua.certificate import own_certificate
    from anomaly.alerts.sinks.opcua.client_trust import ClientTrust
    from anomaly.alerts.sinks.opcua.sessions import Accounts
    from anomaly.alerts.sinks.opcua.site_server import ServerSettings

    site, language, folder = context.site, config.language or context.language, _folder(config, context)
    own = own_certificate(folder, config.name, config.host)
    return ServerSettings(
        name=config.name,
        host=config.host,
        port=config.port,
        machines=context.machines,
        accounts=Accounts(passwords, config.anonymous, f"opcua {config.name}"),
        trust=ClientTrust(
            folder / "trusted", folder / "rejected", own.der, trust_all=config.trust_all_clients
        ),
        certificate=own,
        unencrypted=config.unencrypted,
        facts=lambda machine: {} if site is None else site.asset_of(machine),
        words=lambda message: case_text(message, language, machine_facts(site, message.machine)).headline,
        locale=language,
    )


def _check(config: OpcUaConfig, context: SinkContext, timeout_s: float) -> str:
    _require_library()
    from anomaly.alerts.sinks.opcua.certificate import existing_certificate
    from anomaly.alerts.sinks.opcua.server_check import check_server

    account = next(iter(_passwords(config, context).items()), None)
    folder = _folder(config, context)
    certificate = existing_certificate(folder)
    return check_server(
        config.host,
        config.port,
        folder,
        certificate,
        account,
        where=f"opcua {config.name}",
        timeout_s=timeout_s,
    )


def _folder(config: OpcUaConfig, context: SinkContext) -> Path:
    return config.folder or (context.site or Site()).state_dir / f"opcua-{config.name}"


OPCUA = SinkKind("OPC UA servers in the monitor", OpcUaConfig, build, probe)
