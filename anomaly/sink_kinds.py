"""Kinds of sinks that are installed: the built-in ones, and those that other packages register.

A package registers a kind by an entry point of the group ``anomaly.sinks``: its name is the key under ``sinks:`` of the
site file, its object a ``SinkKind`` (`anomaly.alerts.sinks.registry`). The built-in kinds are declared in the same way.
Listing the names imports none of these packages.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from anomaly.errors import ConfigError

ENTRY_POINT_GROUP = "anomaly.sinks"
BUILT_IN = (
    EntryPoint("webhook", "anomaly.alerts.sinks.webhook.webhook_kind:WEBHOOK", ENTRY_POINT_GROUP),
    EntryPoint("mqtt", "anomaly.alerts.sinks.mqtt.mqtt_kind:MQTT", ENTRY_POINT_GROUP),
    EntryPoint(
        "alertmanager", "anomaly.alerts.sinks.alertmanager.alertmanager_kind:ALERTMANAGER", ENTRY_POINT_GROUP
    ),
    EntryPoint("cmms", "anomaly.alerts.sinks.cmms.kind:CMMS", ENTRY_POINT_GROUP),
    EntryPoint("syslog", "anomaly.alerts.sinks.syslog.syslog_kind:SYSLOG", ENTRY_POINT_GROUP),
    EntryPoint("email", "anomaly.alerts.sinks.email.email_kind:EMAIL", ENTRY_POINT_GROUP),
    EntryPoint("apprise", "anomaly.alerts.sinks.apprise.apprise_kind:APPRISE", ENTRY_POINT_GROUP),
    EntryPoint("opcua", "anomaly.alerts.sinks.opcua.opcua_kind:OPCUA", ENTRY_POINT_GROUP),
    EntryPoint("sparkplug", "anomaly.alerts.sinks.sparkplug.sparkplug_kind:SPARKPLUG", ENTRY_POINT_GROUP),
)


def sink_kind_names() -> tuple[str, ...]:
    """Return the names of all installed kinds, the built-in ones first."""
    built_in = tuple(point.name for point in BUILT_IN)
    registered = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}
    return (*built_in, *sorted(registered - set(built_in)))


def sink_kind_entry_point(name: str) -> EntryPoint:
    """Return the entry point of a kind; a package cannot replace a built-in one.

    Raises:
        ConfigError: no package registers the kind, or several do.
    """
    found = [point for point in BUILT_IN if point.name == name]
    found = found or list(entry_points(group=ENTRY_POINT_GROUP, name=name))
    if not found:
        hint = f"kinds: {', '.join(sink_kind_names())}"
        raise ConfigError(f"there is no kind of sink {name!r}", hint=hint)
    if len({point.value for point in found}) > 1:
        packages = ", ".join(sorted(package_of(point) for point in found))
        raise ConfigError(
            f"several packages register a kind of sink {name!r}",
            where=packages,
            hint="uninstall all but one",
        )
    return found[0]


def load_sink_kind(name: str) -> object:
    """Import the object that declares a kind; `anomaly.alerts.sinks.registry` checks its type.

    Raises:
        ConfigError: as ``sink_kind_entry_point``, or its package cannot be imported.
    """
    point = sink_kind_entry_point(name)
    try:
        return point.load()
    except Exception as error:  # code of another package: any error, and the site file is where it is named
        raise ConfigError(
            f"the kind of sink {name!r} cannot be loaded: {type(error).__name__}: {error}",
            where=package_of(point),
            hint="update or uninstall this package",
        ) from error


def package_of(point: EntryPoint) -> str:
    """Return the name of the package that registers an entry point."""
    return point.dist.name if point.dist is not None else point.value.partition(".")[0]
