"""Synthetic sound of machines with known faults."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from anomaly.config.facts.rotating_facts import RotatingFacts
from anomaly.diagnose.physics.machine_normal import Sound

RATE_HZ = 12_000
SHAFT_HZ = 29.7
FACTS = RotatingFacts.model_validate(
    {"speed_rpm": SHAFT_HZ * 60, "bearings": "6205", "gears": 21, "mains_hz": 50}
)
MakeSound = Callable[..., Sound]


@pytest.fixture(scope="session")
def make_sound() -> MakeSound:
    """Return a maker of noise with tones of the shaft, and impacts at a rate with a little slip."""

    def make(
        impacts_hz: float = 0.0,
        *,
        seconds: float = 3.0,
        seed: int = 0,
        gain: float = 1.5,
        tones: dict[float, float] | None = None,
    ) -> Sound:
        rng = np.random.default_rng(seed)
        count = int(seconds * RATE_HZ)
        times = np.arange(count) / RATE_HZ
        samples = rng.standard_normal(count)
        for order, level in ({1.0: 0.5, 2.0: 0.3} | (tones or {})).items():
            samples += level * np.sin(2 * np.pi * order * SHAFT_HZ * times + order)
        if impacts_hz:
            gaps = (1 + 0.005 * rng.standard_normal(int(seconds * impacts_hz) + 1)) / impacts_hz
            train = np.zeros(count)
            places = (np.cumsum(gaps) * RATE_HZ).astype(int)
            train[places[places < count]] = 1.0
            ring = np.exp(-times[:240] * 900) * np.sin(2 * np.pi * 3_300 * times[:240])
            samples += gain * 2 * np.convolve(train, ring)[:count]
        return Sound(samples, RATE_HZ)

    return make
