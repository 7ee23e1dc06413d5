"""MQTT discovery of Home Assistant: one device per machine.

Source: Home Assistant documentation, integration "MQTT", section "MQTT Discovery".
"""

from __future__ import annotations

import re
import zlib
from typing import Any

from anomaly import __version__


class Topics:
    """MQTT topics of a site.

    Args:
        prefix: the first levels of each topic; two sites on one broker need different ones.
    """

    def __init__(self, prefix: str) -> None:
        self.status = f"{prefix}/status"
        self._prefix = prefix

    def state(self, machine: str) -> str:
        """Return the topic of a machine's newest state and score; retained."""
        return f"{self._prefix}/{machine}/state"

    def availability(self, machine: str) -> str:
        """Return the topic that is ``online`` while a machine is judged, else ``offline``; retained."""
        return f"{self._prefix}/{machine}/availability"

    def alerts(self, machine: str) -> str:
        """Return the topic of a machine's alert messages; not retained."""
        return f"{self._prefix}/{machine}/alerts"


def discovery(machine: str, topics: Topics, prefix: str) -> dict[str, dict[str, Any]]:
    """Return configuration messages (topic to payload) for the state, score, alarm and microphone of a machine.

    State, score and alarm are unavailable while the machine is not judged; the microphone only while the site is
    offline.
    """
    device = {
        "identifiers": [f"anomaly_{object_id(machine)}"],
        "name": machine,
        "manufacturer": "anomaly",
        "sw_version": __version__,
    }
    common: dict[str, Any] = {
        "device": device,
        "state_topic": topics.state(machine),
        "availability_mode": "all",
    }
    site = {"topic": topics.status}
    judged = {"availability": [site, {"topic": topics.availability(machine)}]}
    entities: dict[str, dict[str, Any]] = {
        "sensor/state": {
            **judged,
            "name": "State",
            "value_template": "{{ value_json.state }}",
            "icon": "mdi:pulse",
        },
        "sensor/score": {
            **judged,
            "name": "Score",
            "value_template": "{{ value_json.score }}",
            "state_class": "measurement",
            "suggested_display_precision": 2,
        },
        "binary_sensor/alarm": {
            **judged,
            "name": "Alarm",
            # Home Assistant shows the payload None as unknown.
            "value_template": "{{ 'ON' if value_json.state == 'ALARM'"
            " else 'OFF' if value_json.state in ('OK', 'WATCH') else none }}",
            "device_class": "problem",
        },
        "binary_sensor/microphone": {
            "availability": [site],
            "name": "Microphone",
            "value_template": "{{ 'OFF' if value_json.sensor == 'ok' else 'ON' }}",
            "device_class": "problem",
            "entity_category": "diagnostic",
        },
    }
    found = {}
    for path, own in entities.items():
        component, what = path.split("/")
        unique = f"anomaly_{object_id(machine)}_{what}"
        topic = f"{prefix}/{component}/anomaly_{object_id(machine)}/{what}/config"
        found[topic] = (
            common | own | {"unique_id": unique, "default_entity_id": f"{component}.{unique}".lower()}
        )
    return found


def object_id(machine: str) -> str:
    """Convert a machine's name to the letters that Home Assistant allows, still different for different names."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", machine)
    return plain if plain == machine else f"{plain}_{zlib.crc32(machine.encode()):08x}"
