"""Floorplan of a model on its chip: the cells that hold its neurons, read from the bitstream of its bundle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from anomaly.bundle.parts import ARCH, BITSTREAM
from chip.arch import load_arch
from chip.bitstream.codec import read_design


@dataclass(frozen=True)
class Floorplan:
    """Cells of a chip.

    Args:
        rows: of cells.
        columns: of cells.
        occupied: row, column, and fan-in as a share of the largest one, 0 to 1, of each cell with a neuron.
    """

    rows: int
    columns: int
    occupied: tuple[tuple[int, int, float], ...]


@lru_cache(maxsize=32)
def read_floorplan(bundle: Path, version: str) -> Floorplan:
    """Read the floorplan of a bundle.

    Args:
        bundle: its folder.
        version: of the bundle: the floorplan of another one is read anew.

    Raises:
        OSError: a file of the bundle cannot be read.
        AnomalyError: the bitstream is damaged.
    """
    arch = load_arch(bundle / ARCH)
    design = read_design((bundle / BITSTREAM).read_bytes(), arch)
    columns, cells = arch.array.columns.value, np.asarray(design.placement.cell)
    fan_in = np.bincount(design.network.target, minlength=len(cells))
    shares = fan_in / max(1, fan_in.max())
    occupied = zip((cells // columns).tolist(), (cells % columns).tolist(), shares.tolist(), strict=True)
    return Floorplan(
        arch.array.rows.value,
        columns,
        tuple((row, column, round(share, 2)) for row, column, share in occupied),
    )
