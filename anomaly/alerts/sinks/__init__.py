"""Sinks: destinations of alerts. Each delivers one message and returns when the other side has confirmed it.

``sink`` is the protocol, ``registry`` the kinds that are installed. Each kind is declared in a module of its own
(``webhook_kind``, ``mqtt_kind``); only building a sink loads its library.
"""

from anomaly.alerts.sinks.probe import probe_tcp
from anomaly.alerts.sinks.registry import (
    ConfiguredSink,
    SinkContext,
    SinkKind,
    build_sink,
    build_sinks,
    configured_sinks,
    installed_kinds,
)
from anomaly.alerts.sinks.sink import (
    AnsweringSink,
    CaseOperations,
    LiveSink,
    OperatorSink,
    Sink,
    SinkError,
    StateSink,
)

__all__ = [
    "AnsweringSink",
    "CaseOperations",
    "ConfiguredSink",
    "LiveSink",
    "OperatorSink",
    "Sink",
    "SinkContext",
    "SinkError",
    "SinkKind",
    "StateSink",
    "build_sink",
    "build_sinks",
    "configured_sinks",
    "installed_kinds",
    "probe_tcp",
]
