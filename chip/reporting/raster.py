"""A raster of a run in a file: which input and which neuron spiked when, as a picture or as numbers."""

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
"""What the name of a raster may end in."""

# What fits a picture and the eye.
_SHOWN_STEPS = 1000


def check_raster_name(path: Path) -> None:
    """Refuse a file name that says nothing about the kind of raster.

    Raises:
        NetworkError: the name ends neither in .png nor in .npz.
    """
    if path.suffix.lower() not in SUFFIXES:
        hint = "give it a name that ends in .png, for a picture, or in .npz, for arrays"
        raise NetworkError("is neither a .png nor a .npz", where=path, hint=hint)


def raster_file(
    path: Path, network: Network, spikes: NDArray[np.integer[Any]], run: SimulationResult
) -> bytes:
    """The content of a raster file, by the end of its name.

    A .png shows the first thousand steps of the first stream. A .npz holds ``inputs`` [step, stream, input],
    ``neurons`` [step, stream, neuron] and ``outputs``, the numbers of the neurons that are outputs.

    Args:
        path: the file's name.
        network: what ran.
        spikes: what it was given, [step, stream, input].
        run: what it did, with ``record="all"``.

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

    return draw_raster(network, spikes[:_SHOWN_STEPS, 0], run.neurons[:_SHOWN_STEPS, 0])


def npy_file(array: NDArray[Any]) -> bytes:
    """An array as the content of a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
