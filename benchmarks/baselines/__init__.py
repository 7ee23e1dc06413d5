"""Published baseline detectors, which may use librosa, torch and scikit-learn.

Each has ``fit(clips)`` for normal sound and ``score(clip)``, which is higher for sound less like the training
sound; a clip is float32 mono at 16 kHz, shape [n].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]


class Baseline(Protocol):
    """Protocol of a baseline detector."""

    def fit(self, clips: Sequence[Samples]) -> None:
        """Fit the detector on normal clips."""

    def score(self, clip: Samples) -> float:
        """Anomaly score of a clip."""
