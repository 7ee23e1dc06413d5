"""Home Assistant discovery: identifiers it accepts, different for different machines."""

from __future__ import annotations

import re

from anomaly.alerts.sinks.mqtt.homeassistant import Topics, discovery, object_id


def test_four_entities_of_one_device() -> None:
    found = discovery("pump", Topics("anomaly"), "homeassistant")
    assert set(found) == {
        "homeassistant/sensor/anomaly_pump/state/config",
        "homeassistant/sensor/anomaly_pump/score/config",
        "homeassistant/binary_sensor/anomaly_pump/alarm/config",
        "homeassistant/binary_sensor/anomaly_pump/microphone/config",
    }
    assert len({payload["unique_id"] for payload in found.values()}) == 4
    assert {tuple(payload["device"]["identifiers"]) for payload in found.values()} == {("anomaly_pump",)}
    alarm = found["homeassistant/binary_sensor/anomaly_pump/alarm/config"]
    assert alarm["device_class"] == "problem"
    assert "value_json.state == 'ALARM'" in alarm["value_template"]


def test_the_machine_is_available_only_while_it_is_judged() -> None:
    found = discovery("pump", Topics("anomaly"), "homeassistant")
    site, machine = {"topic": "anomaly/status"}, {"topic": "anomaly/pump/availability"}
    for entity in (
        "sensor/anomaly_pump/state",
        "sensor/anomaly_pump/score",
        "binary_sensor/anomaly_pump/alarm",
    ):
        payload = found[f"homeassistant/{entity}/config"]
        assert (payload["availability"], payload["availability_mode"]) == ([site, machine], "all")
    microphone = found["homeassistant/binary_sensor/anomaly_pump/microphone/config"]
    assert microphone["availability"] == [site]
    assert microphone["device_class"] == "problem"
    assert "value_json.sensor == 'ok'" in microphone["value_template"]


def test_names_stay_different() -> None:
    names = ["pump", "Pump", "hall.3", "hall_3", "hall-3", "hall..3"]
    assert len({object_id(name) for name in names}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", object_id(name)) for name in names)
