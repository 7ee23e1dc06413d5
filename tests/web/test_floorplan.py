"""Floorplan of the example bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anomaly.web.floorplan import read_floorplan

EXAMPLE = Path(__file__).resolve().parents[2] / "models" / "example-pump"


def test_each_neuron_of_the_bundle_has_a_cell_of_its_own() -> None:
    plan = read_floorplan(EXAMPLE, "example")
    cells = {(row, column) for row, column, _ in plan.occupied}
    with np.load(EXAMPLE / "network.npz", allow_pickle=False) as network:
        assert len(cells) == len(plan.occupied) == len(network["theta_p"])
    assert all(0 <= row < plan.rows and 0 <= column < plan.columns for row, column in cells)
    assert max(share for *_, share in plan.occupied) == 1.0
    assert read_floorplan(EXAMPLE, "example") is plan
