"""Keys of a sink that connects to an MQTT broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from anomaly.alerts.sinks.registry import SinkContext
from anomaly.config import Location, Seconds, SinkConfig, Text

if TYPE_CHECKING:
    from anomaly.alerts.sinks.mqtt.mqtt_connection import MqttConnection


class BrokerConfig(SinkConfig):
    """Base of sinks with a broker: its address, the account there, and encryption."""

    host: Text = Field(description="name or address of the broker")
    port: int | None = Field(default=None, ge=1, le=65535, description="1883 by default, 8883 with TLS")
    username: Text | None = Field(default=None, description="account at the broker")
    password_env: Text | None = Field(default=None, description="environment variable with the password")
    password_file: Location | None = Field(default=None, description="file with the password")
    tls: bool = Field(default=False, description="encrypt, and check the broker's certificate")
    ca_file: Location | None = Field(
        default=None, description="certificates to trust instead of the usual ones"
    )
    protocol: Literal["5", "3.1.1"] = Field(default="5", description="version of MQTT")
    timeout_s: Seconds = Field(default=10.0, description="for connecting and for the broker's confirmation")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.username is None and (self.password_env or self.password_file):
            raise ValueError("a password needs a username")
        if self.ca_file is not None and not self.tls:
            raise ValueError("ca_file is of no use without tls: true")
        if self.password_env and self.password_file:
            raise ValueError("give password_env or password_file, not both")
        return self

    def connection(self, context: SinkContext, kind: str, **keys: Any) -> MqttConnection:
        """Make the connection to the broker; nothing is connected yet.

        Args:
            context: surroundings of the sink.
            kind: of the sink, for errors.
            keys: will, subscriptions and calls, as for `MqttConnection`.

        Raises:
            ConfigError: the password or the certificate file cannot be read, or the host is none.
        """
        from anomaly.alerts.sinks.mqtt.mqtt_connection import MqttConnection

        return MqttConnection(
            self.name,
            self.host,
            port=self.port,
            username=self.username,
            password=context.secret(self.password_env, self.password_file, f"{kind} {self.name}"),
            tls=self.tls,
            ca_file=self.ca_file,
            protocol=self.protocol,
            timeout_s=self.timeout_s,
            kind=kind,
            **keys,
        )
