"""Sensor faults that one second shows by itself."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.sensor.health import Health, check_second

RNG = np.random.default_rng(0)
TIME_S = np.arange(16_000) / 16_000
NOISE = (0.05 * RNG.standard_normal(16_000)).astype(np.float32)
TONE = np.sin(2 * np.pi * 100 * TIME_S).astype(np.float32)


@pytest.mark.parametrize(
    ("samples", "status"),
    [
        (NOISE, "ok"),
        (0.9 * TONE, "ok"),
        (np.zeros(16_000, np.float32), "silent"),
        (np.full(16_000, 0.25, np.float32), "constant"),
        (RNG.choice([0.0, 1 / 2**15], 16_000).astype(np.float32), "silent"),
        (np.clip(3 * TONE, -1, 1), "clipping"),
        (NOISE + np.float32(0.2), "dc-offset"),
        (NOISE + np.float32(0.01), "ok"),
        (1e-4 * NOISE, "silent"),
        (1e-2 * NOISE, "ok"),
        (np.zeros(0, np.float32), "silent"),
    ],
)
def test_status(samples: np.ndarray, status: str) -> None:
    assert check_second(samples).status == status


def test_a_single_tick_at_full_scale_is_no_clipping() -> None:
    samples = NOISE.copy()
    samples[100:103] = 1.0
    assert check_second(samples).status == "ok"


def test_levels_and_shares() -> None:
    health = check_second(0.5 * TONE + np.float32(0.01))
    assert health.level_dbfs == pytest.approx(-9.03, abs=0.01)
    assert health.peak_dbfs == pytest.approx(20 * np.log10(0.51), abs=0.01)
    assert health.dc == pytest.approx(0.01, abs=1e-5)
    assert health.clipped_fraction == 0
    assert check_second(np.zeros(10, np.float32)) == Health("silent", -200.0, -200.0, 0.0, 0.0)


def test_the_floor_can_be_moved() -> None:
    assert check_second(NOISE, floor_dbfs=-20).status == "silent"


@pytest.mark.parametrize(("dc", "status"), [(0.045, "ok"), (0.055, "dc-offset"), (-0.055, "dc-offset")])
def test_dc_limit(dc: float, status: str) -> None:
    zero_mean = NOISE - NOISE.mean()
    assert check_second(zero_mean + np.float32(dc)).status == status


@pytest.mark.parametrize(
    ("value", "status"), [(0.0009, "silent"), (0.0011, "constant"), (-0.0011, "constant")]
)
def test_a_small_constant_is_silence(value: float, status: str) -> None:
    assert check_second(np.full(16_000, value, np.float32)).status == status


@pytest.mark.parametrize(("level_dbfs", "status"), [(-91.0, "silent"), (-89.0, "ok")])
def test_silence_limit(level_dbfs: float, status: str) -> None:
    sound = NOISE * 10 ** (level_dbfs / 20) / NOISE.std()
    assert check_second(sound.astype(np.float32)).status == status


@pytest.mark.parametrize(
    ("count", "value", "status"), [(9, 1.0, "ok"), (10, 1.0, "clipping"), (10, 0.985, "ok")]
)
def test_clipping_limit(count: int, value: float, status: str) -> None:
    samples = NOISE.copy()
    samples[100 : 100 + count] = value
    assert check_second(samples).status == status
