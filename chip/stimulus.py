"""Input spikes for a simulation: from a file, or random with a seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.errors import NetworkError

__all__ = ["load_spikes", "random_spikes"]


def load_spikes(path: Path) -> NDArray[Any]:
    """Spikes from an NPY file, [step, stream, input]; [step, input] becomes a single stream.

    Raises:
        NetworkError: no such file, or not an array of integers of two or three dimensions.
    """
    try:
        # Mapped, not read: a header that promises more than the file holds is refused, not allocated.
        spikes = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError) as error:
        hint = "write it with numpy.save"
        raise NetworkError(f"holds no spikes: {error}", where=path, hint=hint) from error
    if spikes.ndim not in (2, 3):
        raise NetworkError("is not one array of [step, stream, input]", where=path)
    return spikes[:, None] if spikes.ndim == 2 else spikes


def random_spikes(
    n_inputs: int, steps: int, *, streams: int = 1, rate: float = 0.05, seed: int = 0
) -> NDArray[np.int8]:
    """Independent spikes of either sign, int8[step, stream, input]; ``rate`` is the share that is not 0."""
    random = np.random.default_rng(seed)
    shape = (steps, streams, n_inputs)
    sign = random.integers(0, 2, shape, dtype=np.int8) * np.int8(2) - np.int8(1)
    spikes: NDArray[np.int8] = sign * (random.random(shape, dtype=np.float32) < rate)
    return spikes
