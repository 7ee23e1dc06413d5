"""Kind of sink ``mqtt``: its section of the site file, how it is made, and its probe."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field

from anomaly.alerts.sinks.mqtt.broker_config import BrokerConfig
from anomaly.alerts.sinks.probe import TIMEOUT_S
from anomaly.alerts.sinks.registry import SinkContext, SinkKind
from anomaly.config import Text

if TYPE_CHECKING:
    from anomaly.alerts.sinks.mqtt.mqtt_connection import MqttConnection
    from anomaly.alerts.sinks.mqtt.mqtt_sink import MqttSink
    from anomaly.alerts.sinks.mqtt.subscription import Subscription


class MqttConfig(BrokerConfig):
    """An MQTT broker that gets alerts and states, with Home Assistant discovery."""

    topic: Text = Field(default="anomaly", description="first levels of each topic")
    discovery: str = Field(
        default="homeassistant", description="prefix of Home Assistant discovery; '' to leave it out"
    )


def answer_connection(config: MqttConfig, context: SinkContext, subscription: Subscription) -> MqttConnection:
    """Make a second connection with the account of a sink, which takes answers from a topic and sends the results.

    It is one of its own, so that neither the sink nor what subscribes can hold up the other.
    """
    return config.connection(context, "mqtt", subscriptions=(subscription,))


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
