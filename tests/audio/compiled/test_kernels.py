"""Compiled kernels have the bits of NumPy and SciPy, for any number of windows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.audio.compiled import compiled_kernels
from anomaly.audio.sensor.band_levels import many_band_levels
from anomaly.audio.sensor.health import many_healths
from anomaly.audio.sensor.reference import fit_reference
from anomaly.audio.sensor.sensor_check import SensorCheck

SECOND = 16_000
LEVELS = (0.0, 1e-7, 1e-3, 0.1, 1.0, 7.0)


@pytest.fixture
def compiled() -> Iterator[None]:
    assert compiled_kernels.load()
    yield
    compiled_kernels.unload()


def sound(level: float, seconds: int, seed: int = 0) -> npt.NDArray[np.float32]:
    noise = np.random.default_rng(seed).standard_normal(seconds * SECOND) * level + level / 50
    return noise.astype(np.float32)


@pytest.mark.parametrize("level", LEVELS)
def test_seconds_have_the_same_bits(level: float, compiled: None) -> None:
    samples = sound(level, 10)
    fast = many_healths(samples), *(values.tolist() for values in many_band_levels(samples))
    compiled_kernels.unload()
    plain = many_healths(samples), *(values.tolist() for values in many_band_levels(samples))
    assert fast == plain
    single = [many_band_levels(samples[k * SECOND :][:SECOND])[0][0].tolist() for k in range(10)]
    assert single == plain[1]


def test_energy_has_the_same_bits(compiled: None) -> None:
    for count in (1, 7, 8, 129, 1000, 160_000):
        samples = sound(0.1, 10)[:count]
        assert compiled_kernels.energy(samples) == float(np.square(samples, dtype=np.float64).sum())


def test_sensor_checks_agree_whether_seconds_come_one_by_one_or_at_once(compiled: None) -> None:
    reference = fit_reference([sound(0.1, 12, seed=3)])
    damaged = [sound(0.1, 3), sound(0.3, 3), sound(0.003, 3), sound(1.0, 2), np.zeros(SECOND, np.float32)]
    time = np.arange(2 * SECOND) / SECOND
    damaged.append((0.2 * np.sin(2 * np.pi * 50 * time)).astype(np.float32))
    smooth = np.convolve(sound(0.1, 3), np.ones(24) / 24, "same").astype(np.float32)
    samples = np.concatenate([*damaged, smooth])
    for one in (None, reference):
        fast = SensorCheck(one).seconds(samples)
        compiled_kernels.unload()
        check = SensorCheck(one)
        assert fast == [check.second(second) for second in samples.reshape(-1, SECOND)]
        compiled_kernels.load()
    assert len({health.status for health in fast}) > 3
