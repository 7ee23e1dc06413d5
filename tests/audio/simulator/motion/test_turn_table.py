from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.simulator.motion import turn_table


@pytest.mark.parametrize("order", [1, 21, 200])
def test_reading_a_table_is_as_good_as_computing_it(order: int) -> None:
    table = np.cos(2.0 * np.pi * order * turn_table.angles())
    angle = np.linspace(0.0, 3.0, 100_001).astype(np.float32)
    expected = np.cos(2.0 * np.pi * order * angle.astype(np.float64))
    error = turn_table.read(table, angle) - expected
    assert np.sqrt(np.mean(error**2)) < 10.0 ** (-55.0 / 20.0)


def test_a_window_has_soft_edges() -> None:
    gate = turn_table.angle_window(0.2, 0.6, 0.05)
    assert gate[int(0.19 * turn_table.ENTRIES)] == 0.0
    assert gate[int(0.4 * turn_table.ENTRIES)] == 1.0
    assert gate[int(0.61 * turn_table.ENTRIES)] == 0.0
    assert np.abs(np.diff(gate)).max() < 0.01


def test_a_window_may_pass_through_the_end_of_the_turn() -> None:
    gate = turn_table.angle_window(0.8, 0.1, 0.02)
    assert gate[int(0.95 * turn_table.ENTRIES)] == 1.0
    assert gate[0] == pytest.approx(1.0)
    assert gate[int(0.5 * turn_table.ENTRIES)] == 0.0


def test_unevenness_has_its_depth() -> None:
    table = turn_table.uneven(np.random.default_rng(1), 20, 0.2)
    assert table.mean() == pytest.approx(1.0)
    assert table.std() == pytest.approx(0.2, rel=0.01)
