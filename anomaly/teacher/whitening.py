"""Whitening that leaves components where they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.covariance import LedoitWolf
from torch import Tensor


def whitening(vectors: npt.NDArray[np.floating[Any]]) -> tuple[Tensor, Tensor]:
    """Mean [n] and ZCA matrix [n, n] of vectors [count, n]; the covariance is shrunk after Ledoit and Wolf (2004)."""
    fitted = LedoitWolf().fit(vectors.astype(np.float64))
    values, axes = np.linalg.eigh(fitted.covariance_)
    matrix = (axes / np.sqrt(np.maximum(values, 1e-9))) @ axes.T
    return torch.from_numpy(fitted.location_.astype(np.float32)), torch.from_numpy(matrix.astype(np.float32))
