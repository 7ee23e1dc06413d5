"""Zero-phase whitening (ZCA), which keeps each component at its place.

With C the covariance, ``y = C^(-1/2) (x - mean)`` (Bell and Sejnowski, 1997).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.covariance import LedoitWolf
from torch import Tensor


def whitening(vectors: npt.NDArray[np.floating[Any]]) -> tuple[Tensor, Tensor]:
    """Fit mean [n] and ZCA matrix [n, n] to vectors [count, n], with Ledoit and Wolf's (2004) shrunk covariance."""
    fitted = LedoitWolf().fit(vectors.astype(np.float64))
    values, axes = np.linalg.eigh(fitted.covariance_)
    matrix = (axes / np.sqrt(np.maximum(values, 1e-9))) @ axes.T
    return torch.from_numpy(fitted.location_.astype(np.float32)), torch.from_numpy(matrix.astype(np.float32))
