"""The two kinds of array that the simulator passes around: sound, and curves that change slowly."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from anomaly.audio.channels import Samples

Curve: TypeAlias = npt.NDArray[np.float64]
"""Something slow (speed, an envelope, event times): one value per control point or per event."""

__all__ = ["Curve", "Samples"]
