"""Kind of sink ``mqtt``: its section of the site file, how it is made, and its probe."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from anomaly.alerts.sinks.probe import TIMEOUT_S
from anomaly.alerts.sinks.registry import SinkContext, SinkKind
from anomaly.config import Location, Seconds, SinkConfig, Text

if TYPE_CHECKING:
    from anomaly.alerts.sinks.mqtt.mqtt_connection import MqttConnection
    from anomaly.alerts.sinks.mqtt.mqtt_sink import MqttSink
    from anomaly.alerts.sinks.mqtt.subscription import Subscription


class MqttConfig(SinkConfig):
    """An MQTT broker that gets alerts and states, with Home Assistant discovery."""

    host: Text = Field(description="name or address of the broker")
    port: int | None = Field(default=None, ge=1, le=65535, description="1883 by default, 8883 with TLS")
    topic: Text = Field(default="anomaly", description="first levels of each topic")
    discovery: str = Field(
        default="homeassistant", description="prefix of Home Assistant discovery; '' to leave it out"
    )
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


def answer_connection(config: MqttConfig, context: SinkContext, subscription: Subscription) -> MqttConnection:
    """Make a second connection with the account of a sink, which takes answers from a topic and sends the results.

    It is one of its own, so that neither the sink nor what subscribes can hold up the other.
    """
    from anomaly.alerts.sinks.mqtt.mqtt_connection import MqttConnection

    return MqttConnection(
        config.name,
        config.host,
        port=config.port,
        username=config.username,
        password=context.secret(config.password_env, config.password_file, f"mqtt {config.name}"),
        tls=config.tls,
        ca_file=config.ca_file,
        protocol=config.protocol,
        timeout_s=config.timeout_s,
        will=None,
        subscription=subscription,
    )


def build(config: MqttConfig, context: SinkContext) -> MqttSink:
    """Build the sink that publishes to an MQTT broker."""
    from anomaly.alerts.sinks.mqtt.mqtt_sink import MqttSink

    return MqttSink(
        config.name,
        config.host,
        port=config.port,
        topic=config.topic,
        discovery_prefix=config.discovery,
        machines=context.machines,
        username=config.username,
        password=context.secret(config.password_env, config.password_file, f"mqtt {config.name}"),
        tls=config.tls,
        ca_file=config.ca_file,
        protocol=config.protocol,
        timeout_s=config.timeout_s,
        test_only=context.test_only,
    )


def probe(config: MqttConfig, context: SinkContext) -> str:
    """Connect to the broker with the account of the sink; nothing is published."""
    brief = config.model_copy(update={"timeout_s": min(config.timeout_s, TIMEOUT_S)})
    sink = build(brief, replace(context, test_only=True))
    try:
        return sink.check()
    finally:
        sink.close()


MQTT = SinkKind("MQTT brokers", MqttConfig, build, probe)
