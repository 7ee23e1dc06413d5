"""Level, spectrum and faults of an input."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.sensor.sensor_check import SensorCheck
from anomaly.web.live.input_meter import meter_facts

TIME_S = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
NOISE = np.random.default_rng(1).normal(0, 0.03, SAMPLE_RATE_HZ)


@pytest.mark.parametrize(
    ("sound", "fault"),
    [
        (NOISE, None),
        (NOISE * 0, "silent"),
        (np.clip(NOISE * 60, -1, 1), "clipping"),
        (NOISE * 2.5e-3, "low-level"),
        (0.3 * np.sin(2 * np.pi * 50 * TIME_S) + NOISE * 1e-4, "hum"),
    ],
)
def test_what_is_wrong_with_an_input(sound: np.ndarray, fault: str | None) -> None:
    facts = meter_facts(sound.astype(np.float32), 0.0, SensorCheck())
    assert facts["fault"] == fault
    assert (facts["hint"] is None) is (fault is None)
    assert len(facts["frequencies_hz"]) == len(facts["spectrum"]) + 1
