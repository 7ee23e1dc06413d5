"""Samples and labels from NPY files, validated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.errors import NetworkError
from chip.file_io import MAX_FILE_BYTES

__all__ = ["check_labels", "check_samples", "load_labels", "load_samples"]

_HINT = "write it with numpy.save(path, array)"


def load_samples(path: Path) -> NDArray[np.float32]:
    """Load samples, one a row.

    Raises:
        NetworkError: no such file, no array of finite numbers, or no samples in it.
    """
    return check_samples(_load(path), path)


def load_labels(path: Path, samples: int) -> NDArray[Any]:
    """Load labels: whole numbers for classes, or values, one row a sample.

    Raises:
        NetworkError: no such file, no array of finite numbers, or not one label a sample.
    """
    return check_labels(_load(path), samples, path)


def check_samples(array: NDArray[Any], where: object) -> NDArray[np.float32]:
    """Return samples as float32, or say what is wrong with them."""
    _check_numbers(array, where)
    if array.ndim < 2:
        message = f"has the shape {array.shape}, not one sample a row"
        raise NetworkError(message, where=where, hint="the first axis counts the samples")
    if array.size == 0:
        raise NetworkError(f"holds no samples (shape {array.shape})", where=where, hint=_HINT)
    if np.abs(array).max() > np.finfo(np.float32).max:
        raise NetworkError("holds numbers too large for float32", where=where, hint="scale the data")
    return np.ascontiguousarray(array, np.float32)


def check_labels(array: NDArray[Any], samples: int, where: object) -> NDArray[Any]:
    """Return labels, or say what is wrong with them."""
    _check_numbers(array, where)
    if array.ndim < 1 or len(array) != samples:
        found = len(array) if array.ndim else "a single number"
        raise NetworkError(
            f"has {found} labels for {samples} samples", where=where, hint="one label a sample"
        )
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    whole = array.dtype.kind in ("b", "i", "u") or (array.ndim == 1 and np.array_equal(array, np.rint(array)))
    if whole and array.ndim == 1:
        if array.min() < 0:
            raise NetworkError(f"has the class {array.min()}", where=where, hint="classes count from 0")
        return array.astype(np.int64)
    return array.astype(np.float64)


def _check_numbers(array: NDArray[Any], where: object) -> None:
    if array.dtype.kind not in ("b", "i", "u", "f"):
        raise NetworkError(f"holds {array.dtype} instead of numbers", where=where, hint=_HINT)
    if not np.isfinite(array).all():
        at = tuple(int(n) for n in np.argwhere(~np.isfinite(array))[0])
        message = f"holds {array[at]} at {list(at)}"
        raise NetworkError(message, where=where, hint="remove or fill values that are no numbers")


def _load(path: Path) -> NDArray[Any]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise NetworkError(f"is larger than {MAX_FILE_BYTES >> 20} MiB", where=path)
        # Mapped first: a header that states more than the file holds is refused, not allocated.
        mapped = np.lib.format.open_memmap(path, mode="r")
        return np.array(mapped)
    except (OSError, ValueError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        if "Object arrays" in reason or "pickle" in reason or "object" in reason:
            reason = "it holds Python objects, which are never loaded"
        raise NetworkError(f"holds no array: {reason}", where=path, hint=_HINT) from error
