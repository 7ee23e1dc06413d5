"""Kind of sink ``sparkplug``: its section of the site file, how it is built, and its probe."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from anomaly.alerts.sinks.mqtt.broker_config import BrokerConfig
from anomaly.alerts.sinks.probe import TIMEOUT_S
from anomaly.alerts.sinks.registry import SinkContext, SinkKind
from anomaly.alerts.wording import case_text
from anomaly.alerts.wording.site_facts import machine_facts
from anomaly.extras import needs
from anomaly.languages import Language

if TYPE_CHECKING:
    from anomaly.alerts.sinks.sparkplug.sparkplug_sink import SparkplugSink


def _level(text: str) -> str:
    if not text.strip() or set(text) & set("+/#\0"):
        raise ValueError("must be a name without +, / and #")
    return text.strip()


Identifier = Annotated[str, AfterValidator(_level)]
"""Level of a topic (Sparkplug 3.0.0, 5.4)."""


class SparkplugConfig(BrokerConfig):
    """An MQTT broker with hosts that speak Sparkplug B; needs the extra `sparkplug`."""

    group: Identifier = Field(default="anomaly", description="group of edge nodes")
    node: Identifier = Field(default="monitor", description="name of this edge node; unique in its group")
    primary_host: Identifier | None = Field(
        default=None, description="publish only while this host application is online"
    )
    language: Language | None = Field(default=None, description="en or de; default: that of the site")


def build(config: SparkplugConfig, context: SinkContext) -> SparkplugSink:
    """Build the sink that is an edge node."""
    with needs("sparkplug"):
        import google.protobuf
    del google
    from anomaly.alerts.sinks.sparkplug.birth_number import BirthNumber
    from anomaly.alerts.sinks.sparkplug.edge_node import EdgeNode
    from anomaly.alerts.sinks.sparkplug.sparkplug_sink import SparkplugSink

    site, language = context.site, config.language or context.language
    path = None if site is None or context.test_only else site.state_dir / f"sparkplug-{config.name}"
    node = EdgeNode(
        config.group,
        config.node,
        primary_host=config.primary_host,
        births=BirthNumber(path),
        facts=lambda machine: {} if site is None else site.asset_of(machine),
        connect=partial(config.connection, context, "sparkplug"),
        silent=context.test_only,
    )
    return SparkplugSink(
        config.name,
        node,
        machines=context.machines,
        words=lambda message: case_text(message, language, machine_facts(site, message.machine)).headline,
        timeout_s=config.timeout_s,
        test_only=context.test_only,
    )


def probe(config: SparkplugConfig, context: SinkContext) -> str:
    """Connect to the broker with the account of the sink; nothing is published."""
    brief = config.model_copy(update={"timeout_s": min(config.timeout_s, TIMEOUT_S)})
    sink = build(brief, replace(context, test_only=True))
    try:
        return sink.check()
    finally:
        sink.close()


SPARKPLUG = SinkKind("MQTT brokers with Sparkplug B", SparkplugConfig, build, probe)
