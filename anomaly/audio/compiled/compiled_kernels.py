"""Compiled kernels of this room, where Numba is installed and a caller has much work: loading them takes a second.

The live monitor goes without them: it has one second of work a second.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_loaded = False
# Of malloc.h; the largest block that malloc takes from its own memory.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _KEPT_BYTES = -1, -3, 32 << 20


def load() -> bool:
    """Use compiled code in this process from now on; return whether Numba is installed."""
    global _loaded
    _loaded = importlib.util.find_spec("numba") is not None
    return _loaded


def unload() -> None:
    """Use NumPy again."""
    global _loaded
    _loaded = False


def are_loaded() -> bool:
    """Return whether compiled code is to be used."""
    return _loaded


def band_power(
    samples: npt.NDArray[np.float32], window: npt.NDArray[np.float32], edges: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the energy between the edges of each window, see `second_kernels`."""
    from anomaly.audio.compiled.second_kernels import compiled_band_power

    return compiled_band_power(samples, window, edges)


def statistics(samples: npt.NDArray[np.float32], length: int, clip_level: float) -> npt.NDArray[np.float64]:
    """Return mean, deviation, peak and share of clipped samples of each stretch, see `second_kernels`."""
    from anomaly.audio.compiled.second_kernels import compiled_statistics

    return compiled_statistics(samples, length, clip_level)


def energy(samples: npt.NDArray[np.float32]) -> float:
    """Return the sum of the squares of samples, see `second_kernels`."""
    from anomaly.audio.compiled.second_kernels import compiled_energy

    return compiled_energy(samples)


def distances(
    levels: npt.NDArray[np.float64], spectra: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return distance, shape distance and gain of seconds, see `second_kernels`."""
    import numpy as np

    from anomaly.audio.compiled.second_kernels import compiled_distances

    found = np.empty((3, len(levels)))
    compiled_distances(np.ascontiguousarray(levels), np.ascontiguousarray(spectra), found)
    return found[0], found[1], found[2]


def medians(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the median over the last axis, of an even length."""
    import numpy as np

    from anomaly.audio.compiled.second_kernels import compiled_medians

    rows = np.ascontiguousarray(values).reshape(-1, values.shape[-1])
    found = np.empty(len(rows))
    compiled_medians(rows, found)
    return found.reshape(values.shape[:-1])


def keep_freed_memory() -> None:
    """Let this process keep memory that is freed: blocks of a clip's size would go back to the system each time."""
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, 4 * _KEPT_BYTES)
