"""Random draws that several changes share."""

from __future__ import annotations

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.simulator.arrays import Samples


def between(take: np.random.Generator, low: float, high: float) -> float:
    """Draw a value whose logarithm is uniform."""
    return float(np.exp(take.uniform(np.log(low), np.log(high))))


def sign(take: np.random.Generator) -> float:
    """Draw 1 or -1."""
    return float(take.choice([-1.0, 1.0]))


def start_samples(samples: Samples, take: np.random.Generator, rate_hz: float) -> list[int]:
    """Draw the first samples of events at random times, at least one of them in the first half."""
    count = int(take.poisson(rate_hz * len(samples) / SAMPLE_RATE_HZ))
    later = take.integers(0, len(samples), count)
    return [int(take.integers(0, max(1, len(samples) // 2))), *later.tolist()]
