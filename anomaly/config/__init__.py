"""The site file: machines, sinks, folders and retention, checked and with defaults."""

from anomaly.config.retention import Clips, Keep
from anomaly.config.section import ConfigSection
from anomaly.config.site import (
    DEFAULT_NAME,
    Alarm,
    Machine,
    Mqtt,
    Sinks,
    Site,
    Webhook,
    find_file,
    find_site,
    host_and_port,
    load_site,
    site_schema,
)

__all__ = [
    "DEFAULT_NAME",
    "Alarm",
    "Clips",
    "ConfigSection",
    "Keep",
    "Machine",
    "Mqtt",
    "Sinks",
    "Site",
    "Webhook",
    "find_file",
    "find_site",
    "host_and_port",
    "load_site",
    "site_schema",
]
