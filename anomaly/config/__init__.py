"""The site file: machines, sinks, folders and retention, checked and with defaults."""

from anomaly.config.answers import AnsweringSystem, Answers
from anomaly.config.fields import Address, Location, Name, Seconds, Text, host_and_port
from anomaly.config.retention import Clips, Keep
from anomaly.config.section import ConfigSection
from anomaly.config.sinks import SinkConfig, Sinks
from anomaly.config.site import (
    DEFAULT_NAME,
    Alarm,
    Machine,
    Site,
    find_file,
    find_site,
    load_site,
    site_schema,
)

__all__ = [
    "DEFAULT_NAME",
    "Address",
    "Alarm",
    "AnsweringSystem",
    "Answers",
    "Clips",
    "ConfigSection",
    "Keep",
    "Location",
    "Machine",
    "Name",
    "Seconds",
    "SinkConfig",
    "Sinks",
    "Site",
    "Text",
    "find_file",
    "find_site",
    "host_and_port",
    "load_site",
    "site_schema",
]
