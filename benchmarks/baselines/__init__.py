"""Detectors to compare with. They live here, not in the product, and may use librosa, torch and scikit-learn.

Each has ``fit(clips)`` with normal sound and ``score(clip)``, higher for stranger sound; a clip is
float32 mono at 16 kHz, shape [n].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]


class Baseline(Protocol):
    """What every detector here can do."""

    def fit(self, clips: Sequence[Samples]) -> None:
        """Learn what is normal."""

    def score(self, clip: Samples) -> float:
        """How unlike the training sound a clip is."""
