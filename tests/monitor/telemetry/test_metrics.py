"""Metrics as Prometheus reads them: text format, names with base units, values."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from anomaly.errors import ConfigError, UsageError
from anomaly.monitor.event_bus import EventBus
from anomaly.monitor.events import EventName
from anomaly.monitor.records import EventRecord, SecondRecord
from anomaly.monitor.sources.events import SoundBlock
from anomaly.monitor.telemetry.metrics import check_address, serving
from anomaly.monitor.telemetry.statistics import MonitorStatistics, SiteStatistics
from anomaly.store.state_kinds import STALE_S

NOW_S = 1_800_000_000.0


def second(score: float | None = 3.5, state: str = "ALARM", sensor: str = "ok") -> SecondRecord:
    return SecondRecord("pump", NOW_S - 0.03, 7, score, None if score is None else 1e-4, state, sensor, -20.0)


class Site:
    """Statistics, and the bus of one machine's session."""

    def __init__(self, *, live: bool = True) -> None:
        self.statistics, self.bus = MonitorStatistics(lambda: NOW_S), EventBus()
        self.statistics.subscribe(self.bus, "pump", "0123456789ab", live=live)

    def event(self, event: EventName, **detail: object) -> None:
        self.bus.publish(EventRecord(event, "pump", NOW_S, "x", detail))


@pytest.fixture
def site() -> Site:
    made = Site()
    made.bus.publish(SoundBlock(np.zeros(16_000, np.float32), NOW_S - 1.0))
    made.bus.publish(second())
    made.event(EventName.CASE_OPENED, kind="machine")
    made.event(EventName.AUDIO_GAP, gaps=3)
    made.event(EventName.CAPTURE_STATE, **{"from": "healthy", "to": "lost", "gaps": 3})
    made.statistics.update_site(SiteStatistics(4096, 10**9, 2, 5000, {"plant": 3}))
    return made


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    with serving(site.statistics, "127.0.0.1:0") as port:
        yield f"http://127.0.0.1:{port}/metrics"


def scrape(address: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    with urllib.request.urlopen(address, timeout=10) as response:
        assert response.headers["Content-Type"].startswith("text/plain")
        text = response.read().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_values(address: str) -> None:
    found = scrape(address)
    pump = (("machine", "pump"),)
    assert found["anomaly_score", pump] == 3.5
    assert found["anomaly_p_value_ratio", pump] == 1e-4
    assert found["anomaly_sound_level_ratio", pump] == pytest.approx(0.1)
    assert found["anomaly_state", (*pump, ("state", "ALARM"))] == 1
    assert found["anomaly_state", (*pump, ("state", "OK"))] == 0
    assert found["anomaly_sensor_ok", pump] == 1
    assert found["anomaly_last_sound_timestamp_seconds", pump] == NOW_S
    assert found["anomaly_judged_seconds_total", pump] == 1
    assert found["anomaly_cases_opened_total", (("kind", "machine"), *pump)] == 1
    assert found["anomaly_audio_gaps_total", pump] == 3
    assert found["anomaly_capture_state", (*pump, ("state", "lost"))] == 1
    assert found["anomaly_capture_state", (*pump, ("state", "healthy"))] == 0
    assert found["anomaly_score_delay_seconds_bucket", (("le", "0.02"), *pump)] == 0
    assert found["anomaly_score_delay_seconds_bucket", (("le", "0.05"), *pump)] == 1
    assert found["anomaly_score_delay_seconds_count", pump] == 1
    assert found["anomaly_score_delay_seconds_sum", pump] == pytest.approx(0.03, abs=1e-3)
    assert found["anomaly_database_bytes", ()] == 4096
    assert found["anomaly_messages_pending", (("sink", "plant"),)] == 3
    assert found["anomaly_model_info", (*pump, ("version", "0123456789ab"))] == 1
    assert ("process_resident_memory_bytes", ()) in found


def test_a_second_without_a_score_is_a_gap_not_zero(site: Site, address: str) -> None:
    site.bus.publish(second(score=None, sensor="silent", state="OK"))
    found = scrape(address)
    assert ("anomaly_score", (("machine", "pump"),)) not in found
    assert found["anomaly_sensor_ok", (("machine", "pump"),)] == 0


def state_of(address: str) -> set[str]:
    """States whose sample is 1."""
    found = scrape(address)
    return {
        dict(labels)["state"] for (name, labels), value in found.items() if name == "anomaly_state" and value
    }


def test_a_machine_is_unknown_until_its_microphone_has_recovered(site: Site, address: str) -> None:
    site.bus.publish(second(state="OK"))
    assert state_of(address) == {"OK"}
    site.event(EventName.CASE_OPENED, kind="sensor", fault="silent")
    assert state_of(address) == {"UNKNOWN"}
    assert scrape(address)["anomaly_sensor_ok", (("machine", "pump"),)] == 0
    site.event(EventName.SENSOR_RECOVERED)
    assert state_of(address) == {"OK"}
    site.event(EventName.DEVICE_LOST)
    assert state_of(address) == {"UNKNOWN"}


def test_a_second_without_a_score_is_unknown(site: Site, address: str) -> None:
    site.bus.publish(second(score=None, sensor="silent", state="OK"))
    assert state_of(address) == {"UNKNOWN"}


def test_old_sound_is_unknown(site: Site, address: str) -> None:
    site.bus.publish(second(state="OK"))
    site.statistics.machines["pump"].last_sound_s = NOW_S - STALE_S - 1
    assert state_of(address) == {"UNKNOWN"}
    assert ("anomaly_score", (("machine", "pump"),)) not in scrape(address)


def test_a_machine_without_a_second_is_unknown(site: Site, address: str) -> None:
    site.statistics.machine("fan")
    found = scrape(address)
    fan = ("machine", "fan")
    assert {
        dict(labels)["state"]: value
        for (name, labels), value in found.items()
        if name == "anomaly_state" and fan in labels
    } == {"OK": 0, "WATCH": 0, "ALARM": 0, "UNKNOWN": 1}
    # Nothing is known of its microphone, sound and model.
    for name in ("anomaly_sensor_ok", "anomaly_sound_level_ratio", "anomaly_score", "anomaly_model_info"):
        assert not [labels for found_name, labels in found if found_name == name and fan in labels]


def test_a_microphone_that_fails_before_the_first_second_is_a_fault() -> None:
    site = Site()
    site.event(EventName.CASE_OPENED, kind="sensor", fault="lost")
    with serving(site.statistics, "127.0.0.1:0") as port:
        address = f"http://127.0.0.1:{port}/metrics"
        assert state_of(address) == {"UNKNOWN"}
        assert scrape(address)["anomaly_sensor_ok", (("machine", "pump"),)] == 0


def test_names_have_base_units(address: str) -> None:
    ours = {name for name, _ in scrape(address) if name.startswith("anomaly_")}
    assert len(ours) > 15
    for name in ours:
        assert re.fullmatch(r"anomaly_[a-z_]+", name)
        assert not re.search(r"_(ms|milliseconds|minutes|mib|kb|percent|db|dbfs)(_|$)", name)


def test_a_recording_has_no_delay() -> None:
    site = Site(live=False)
    site.bus.publish(second())
    assert sum(site.statistics.machine("pump").delays) == 0


def test_an_address_in_use(site: Site) -> None:
    with (
        serving(site.statistics, "127.0.0.1:0") as port,
        pytest.raises(ConfigError, match="metrics cannot be served") as caught,
        serving(site.statistics, f"127.0.0.1:{port}"),
    ):
        pytest.fail("the address is free")
    assert "--metrics" in str(caught.value.hint)


@pytest.mark.parametrize("wrong", ["9464", "localhost", "x:y", ""])
def test_a_wrong_address(wrong: str) -> None:
    with pytest.raises(UsageError, match="must be an address and a port"):
        check_address(wrong)


def test_the_port_is_released(site: Site) -> None:
    with serving(site.statistics, "127.0.0.1:0") as port:
        pass
    with serving(site.statistics, f"127.0.0.1:{port}") as again:
        assert again == port
