"""Kind of sink ``syslog``: its section of the site file, how it is made, and its probe."""

from __future__ import annotations

import socket
from typing import Literal, Self

from pydantic import Field, model_validator

from anomaly.alerts.sinks.probe import probe_tcp
from anomaly.alerts.sinks.registry import SinkContext, SinkKind
from anomaly.alerts.sinks.sink import Sink, SinkError
from anomaly.config import Location, Seconds, SinkConfig, Text
from anomaly.languages import Language

_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}


class SyslogConfig(SinkConfig):
    """A syslog server that gets each alert as a line of RFC 5424."""

    host: Text = Field(description="name or address of the server")
    port: int | None = Field(
        default=None, ge=1, le=65535, description="514 by default for udp, 601 for tcp, 6514 for tls"
    )
    transport: Literal["udp", "tcp", "tls"] = Field(
        default="tcp", description="how the lines travel; udp does not show whether they arrive"
    )
    ca_file: Location | None = Field(
        default=None, description="certificates to trust instead of the usual ones"
    )
    facility: Literal[
        "user", "daemon", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"
    ] = Field(default="daemon", description="facility of the lines")
    hostname: Text | None = Field(
        default=None, description="this computer's name in the lines; default: its own"
    )
    app_name: Text = Field(default="anomaly", description="this program's name in the lines")
    language: Language | None = Field(default=None, description="en or de; default: that of the site")
    timeout_s: Seconds = Field(default=10.0, description="for connecting, and for the end of the connection")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.ca_file is not None and self.transport != "tls":
            raise ValueError("ca_file is of no use without transport: tls")
        return self


def build(config: SyslogConfig, context: SinkContext) -> Sink:
    """Build the sink that sends a line to a syslog server."""
    from anomaly.alerts.sinks.syslog.syslog_sink import SyslogSink
    from anomaly.http_environment import tls_context

    place = f"syslog {config.name}: {config.ca_file}"
    return SyslogSink(
        config.name,
        config.host,
        config.port or _PORTS[config.transport],
        config.transport,
        trust=None if config.ca_file is None else tls_context(place, cafile=str(config.ca_file)),
        facility=config.facility,
        hostname=config.hostname or socket.gethostname(),
        app_name=config.app_name,
        language=config.language or context.language,
        site=context.site,
        timeout_s=config.timeout_s,
    )


def probe(config: SyslogConfig, _context: SinkContext) -> str:
    """Connect to the server; for UDP look up its name, which is all that can be known."""
    port = config.port or _PORTS[config.transport]
    if config.transport != "udp":
        return probe_tcp(config.host, port)
    try:
        socket.getaddrinfo(config.host, port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise SinkError(f"{config.host} is no known name: {error}", hint="correct the address") from error
    return f"{config.host} is known; UDP does not show whether {port} is listened to"


SYSLOG = SinkKind("syslog servers", SyslogConfig, build, probe)
