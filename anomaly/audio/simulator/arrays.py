"""Array types of the simulator: sound, and curves that change slowly."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from anomaly.audio.channels import Samples

Curve: TypeAlias = npt.NDArray[np.float64]
"""Slow quantity (speed, an envelope, event times): one float64 value per control point or per event."""

__all__ = ["Curve", "Samples"]
