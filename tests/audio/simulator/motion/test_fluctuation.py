from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.simulator.motion.fluctuation import gain, wander
from anomaly.audio.simulator.seeds import stream


def test_wander_is_stationary_from_its_first_point() -> None:
    starts = [wander(stream("w", n), 10, 100.0, 0.5)[0] for n in range(2_000)]
    assert np.std(starts) == pytest.approx(1.0, abs=0.06)
    assert np.mean(starts) == pytest.approx(0.0, abs=0.08)


def test_wander_is_slow() -> None:
    curve = wander(stream("w"), 100_000, 100.0, 0.5)
    assert curve.std() == pytest.approx(1.0, abs=0.1)
    assert np.diff(curve).std() < 0.3


def test_gain_is_positive_with_its_depth() -> None:
    curve = gain(stream("g"), 200_000, 100.0, 5.0, 0.3)
    assert curve.min() > 0.0
    assert np.mean(curve**2) == pytest.approx(1.0, abs=0.05)
    assert curve.std() / curve.mean() == pytest.approx(0.3, abs=0.03)
    assert gain(stream("g"), 5, 100.0, 5.0, 0.0).tolist() == [1.0] * 5
