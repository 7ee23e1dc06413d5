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


def load_spikes(path: Path, n_inputs: int | None = None) -> NDArray[Any]:
    """Load spikes from an NPY file, [step, stream, input]; [step, input] becomes a single stream.

    An NPZ file with a single array is accepted too.

    Args:
        path: the file.
        n_inputs: inputs that the array must have; None if that is not known yet.

    Raises:
        NetworkError: no such file, or not an array of two or three dimensions, or without steps; with ``n_inputs``
            also one of other inputs, or of values other than -1, 0 and +1.
    """
    try:
        if path.suffix == ".npz":
            spikes = _only_array(path)
        else:
            # Mapped, not read: a header that states more than the file holds is refused, not allocated.
            spikes = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        hint = "write it with numpy.save"
        reason = error.strerror if isinstance(error, OSError) else error
        raise NetworkError(f"holds no spikes: {reason}", where=path, hint=hint) from error
    if spikes.ndim not in (2, 3):
        raise NetworkError("is not one array of [step, stream, input]", where=path)
    if len(spikes) == 0:
        raise NetworkError("holds no steps", where=path, hint="write [step, stream, input] with numpy.save")
    if n_inputs is not None:
        _check_values(spikes, n_inputs, path)
    return spikes[:, None] if spikes.ndim == 2 else spikes


def _check_values(spikes: NDArray[Any], n_inputs: int, path: Path) -> None:
    if spikes.shape[-1] != n_inputs or 0 in spikes.shape:
        hint = f"the network has {n_inputs} inputs: write [step, stream, input] with numpy.save"
        raise NetworkError(f"has the shape {spikes.shape}", where=path, hint=hint)
    if spikes.dtype.kind not in ("b", "i", "u"):
        raise NetworkError(f"holds {spikes.dtype} instead of integers", where=path)
    if spikes.max() > 1 or spikes.min() < -1:
        raise NetworkError("holds values other than -1, 0 and +1", where=path)


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
