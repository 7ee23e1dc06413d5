"""Kind of sink ``alertmanager``: its section of the site file, how it is made, and its probe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from anomaly.alerts.sinks.http_account import ALLOW_PRIVATE, PROBE_S, HttpServerConfig
from anomaly.alerts.sinks.registry import SinkContext, SinkKind
from anomaly.alerts.sinks.sink import Sink
from anomaly.config import Seconds, Text
from anomaly.languages import Language

if TYPE_CHECKING:
    from anomaly.alerts.sinks.alertmanager.alertmanager_sink import AlertmanagerSink

LabelName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
_OWN_LABELS = frozenset({"alertname", "machine", "case", "severity"})


class AlertmanagerConfig(HttpServerConfig):
    """Prometheus Alertmanager, which gets each open case as an alert until it is over."""

    url: Text = Field(description="address of Alertmanager, such as http://127.0.0.1:9093")
    # Alertmanager stands beside the monitor or in its network: it has no log-in of its own, and is not for the open.
    allow_private: bool = Field(default=True, description=ALLOW_PRIVATE)
    labels: dict[LabelName, Text] = Field(
        default_factory=dict, description="labels of each alert, such as site: plant-1"
    )
    resend_s: Seconds = Field(default=60.0, description="interval at which open cases are sent again")
    expires_s: Seconds = Field(
        default=300.0, description="time after which an alert ends that is not sent again"
    )
    language: Language | None = Field(default=None, description="en or de; default: that of the site")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if own := sorted(_OWN_LABELS & set(self.labels)):
            raise ValueError(f"the label {own[0]} is set by the program")
        if self.expires_s < 2 * self.resend_s:
            raise ValueError("expires_s must be at least twice resend_s, or alerts end and begin again")
        return self


def build(config: AlertmanagerConfig, context: SinkContext) -> Sink:
    """Build the sink that sends alerts to Alertmanager."""
    return _sink(config, context)


def probe(config: AlertmanagerConfig, context: SinkContext) -> str:
    """Ask Alertmanager for its status, with the account of the sink."""
    sink = _sink(config, context, PROBE_S)
    try:
        return sink.check()
    finally:
        sink.close()


def _sink(
    config: AlertmanagerConfig, context: SinkContext, longest_s: float | None = None
) -> AlertmanagerSink:
    from anomaly.alerts.sinks.alertmanager.alertmanager_sink import AlertmanagerSink

    return AlertmanagerSink(
        config.name,
        config.session(context, "alertmanager", longest_s),
        labels=config.labels,
        resend_s=config.resend_s,
        expires_s=config.expires_s,
        language=config.language or context.language,
        site=context.site,
    )


ALERTMANAGER = SinkKind("Prometheus Alertmanagers", AlertmanagerConfig, build, probe)
