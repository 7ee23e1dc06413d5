"""The two kinds of array that the simulator passes around."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Samples: TypeAlias = npt.NDArray[np.float32]
"""Sound: one value per sample."""

Curve: TypeAlias = npt.NDArray[np.float64]
"""Something slow (speed, an envelope, event times), one value per control step or per event."""
