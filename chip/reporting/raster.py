"""Spike raster of a run as a file: a picture or arrays."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.errors import NetworkError
from chip.network import Network
from chip.sim.simulator import SimulationResult

__all__ = ["SUFFIXES", "check_raster_name", "npy_file", "raster_file"]

SUFFIXES = (".png", ".npz")
"""Suffixes of raster files."""

# Largest number of steps in a picture; more cannot be told apart.
_MAX_STEPS = 1000


def check_raster_name(path: Path) -> None:
    """Refuse a file name without the suffix of a raster format.

    Raises:
        NetworkError: the name ends neither in .png nor in .npz.
    """
    if path.suffix.lower() not in SUFFIXES:
        hint = "give it a name that ends in .png, for a picture, or in .npz, for arrays"
        raise NetworkError("is neither a .png nor a .npz", where=path, hint=hint)


def raster_file(
    path: Path, network: Network, spikes: NDArray[np.integer[Any]], run: SimulationResult
) -> bytes:
    """Build the content of a raster file, in the format of its suffix.

    A .png shows the first thousand steps of the first stream. A .npz holds ``inputs`` [step, stream, input],
    ``neurons`` [step, stream, neuron] and ``outputs``, the numbers of the neurons that are outputs.

    Args:
        path: name of the file.
        network: network that ran.
        spikes: its input, [step, stream, input].
        run: its result, with ``record="all"``.

    Raises:
        NetworkError: no such kind of raster, or the run kept the outputs only.
        ChipError: Matplotlib is not installed.
    """
    check_raster_name(path)
    if run.neurons is None:
        raise NetworkError("holds the outputs only", where="run", hint='run it with record="all"')
    if path.suffix.lower() == ".npz":
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer, inputs=np.asarray(spikes, np.int8), neurons=run.neurons, outputs=network.outputs
        )
        return buffer.getvalue()
    from chip.reporting.pictures import draw_raster

    return draw_raster(network, spikes[:_MAX_STEPS, 0], run.neurons[:_MAX_STEPS, 0])


def npy_file(array: NDArray[Any]) -> bytes:
    """Serialise an array as a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
