"""Input spikes for a simulation: from a file, or random with a seed."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.errors import NetworkError
from chip.file_io import MAX_FILE_BYTES

__all__ = ["load_spikes", "random_spikes"]


def load_spikes(path: Path) -> NDArray[Any]:
    """Load spikes from an NPY file, [step, stream, input]; [step, input] becomes a single stream.

    An NPZ file with a single array is accepted too.

    Raises:
        NetworkError: no such file, or not an array of integers of two or three dimensions, or without steps.
    """
    try:
        if path.suffix == ".npz":
            spikes = _only_array(path)
        else:
            # Mapped, not read: a header that states more than the file holds is refused, not allocated.
            spikes = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        hint = "write it with numpy.save"
        raise NetworkError(f"holds no spikes: {error}", where=path, hint=hint) from error
    if spikes.ndim not in (2, 3):
        raise NetworkError("is not one array of [step, stream, input]", where=path)
    if len(spikes) == 0:
        raise NetworkError("holds no steps", where=path, hint="write [step, stream, input] with numpy.save")
    return spikes[:, None] if spikes.ndim == 2 else spikes


def _only_array(path: Path) -> NDArray[Any]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) != 1:
            raise ValueError(f"{len(members)} arrays instead of one")
        if members[0].file_size > MAX_FILE_BYTES:
            raise ValueError(f"it would unpack to more than {MAX_FILE_BYTES >> 20} MiB")
        array: NDArray[Any] = np.lib.format.read_array(
            io.BytesIO(archive.read(members[0])), allow_pickle=False
        )
        return array


def random_spikes(
    n_inputs: int, steps: int, *, streams: int = 1, rate: float = 0.05, seed: int = 0
) -> NDArray[np.int8]:
    """Generate independent spikes of either sign, int8[step, stream, input]; ``rate`` is the share that is not 0."""
    random = np.random.default_rng(seed)
    shape = (steps, streams, n_inputs)
    sign = random.integers(0, 2, shape, dtype=np.int8) * np.int8(2) - np.int8(1)
    spikes: NDArray[np.int8] = sign * (random.random(shape, dtype=np.float32) < rate)
    return spikes
