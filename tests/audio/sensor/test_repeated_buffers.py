"""Buffers delivered twice are found in blocks of any size; other sound never repeats bit by bit."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.channels import Samples
from anomaly.audio.sensor.repeated_buffers import RepeatDetector
from anomaly.audio.simulator import simulate

RATE_HZ = 48_000


def shares(samples: Samples, block: int = 4_800, rate_hz: int = RATE_HZ) -> list[float]:
    repeats = RepeatDetector(rate_hz)
    return [repeats.push(samples[start : start + block]) for start in range(0, len(samples), block)]


@pytest.fixture(scope="module")
def noise() -> Samples:
    return (0.05 * np.random.default_rng(4).standard_normal(4 * RATE_HZ)).astype(np.float32)


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_noise_is_no_repetition_at_any_resolution(noise: Samples, bits: int) -> None:
    steps = 2.0 ** (bits - 1)
    assert max(shares((np.round(noise * steps) / steps).astype(np.float32))) == 0.0


@pytest.mark.parametrize("name", ["pump", "fan", "slider", "valve", "gearbox"])
def test_a_machine_is_no_repetition(name: str) -> None:
    sound = simulate(name, seconds=5, seed=3)
    assert max(shares(sound.samples, 1_600, sound.sample_rate_hz)) == 0.0


@pytest.mark.parametrize("period", [480, 1_024, 4_800, 12_001])
def test_one_buffer_repeated_many_times(noise: Samples, period: int) -> None:
    found = shares(np.tile(noise[:period], 3 * RATE_HZ // period))
    assert found[-1] > 0.9


@pytest.mark.parametrize("block", [111, 1_000, 4_800, 100_000])
def test_every_buffer_twice_in_blocks_of_any_size(noise: Samples, block: int) -> None:
    buffers = noise[: 128 * 1_024].reshape(128, 1_024)
    twice = np.repeat(buffers, 2, axis=0).ravel()
    assert 0.3 < max(shares(twice, block)) < 0.7


def test_silence_and_a_constant_are_no_repetition() -> None:
    assert max(shares(np.zeros(RATE_HZ, np.float32))) == 0.0
    assert max(shares(np.full(RATE_HZ, 0.25, np.float32))) == 0.0


def test_the_share_is_zero_after_a_repetition(noise: Samples) -> None:
    found = shares(np.concatenate([np.tile(noise[:480], 200), noise[RATE_HZ:]]))
    assert max(found) > 0.9
    assert found[-1] == 0.0


@pytest.mark.parametrize(("period", "found"), [(230, False), (250, True)])
def test_repetitions_within_five_milliseconds_are_periodic_sound(
    period: int, found: bool, noise: Samples
) -> None:
    assert (max(shares(np.tile(noise[:period], RATE_HZ // period))) > 0.9) is found


@pytest.mark.parametrize(("distance_s", "found"), [(0.9, True), (1.6, False)])
def test_repetitions_are_found_within_a_second(distance_s: float, found: bool, noise: Samples) -> None:
    repeated = noise.copy()
    distance = round(distance_s * RATE_HZ)
    repeated[distance + RATE_HZ // 2 : distance + RATE_HZ] = noise[RATE_HZ // 2 : RATE_HZ]
    assert (max(shares(repeated)) > 0.1) is found


def test_the_share_is_measured_every_half_second(noise: Samples) -> None:
    repeats = RepeatDetector(RATE_HZ)
    sound = np.tile(noise[:4_800], 20)
    found = [repeats.push(sound[start : start + 2_400]) for start in range(0, 48_000, 2_400)]
    assert found[:9] == [0.0] * 9
    assert found[9] > 0.7
    assert found[10:19] == [found[9]] * 9
    assert found[19] > found[9]
