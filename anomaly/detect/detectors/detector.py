"""What every detector offers, so that nothing downstream cares which one runs."""

from __future__ import annotations

from typing import Any, Protocol

import numpy.typing as npt

from anomaly.features.mel import Centibels


class Detector(Protocol):
    """Turns pooled levels into error levels per frame and channel (kind and sub-band group)."""

    @property
    def name(self) -> str:
        """``student`` or ``teacher``."""

    @property
    def bands(self) -> int:
        """Pooled mel bands it expects."""

    @property
    def channels(self) -> int:
        """Kinds times groups of its error levels."""

    def reset(self, streams: int) -> None:
        """Begin ``streams`` parallel segments: every state returns to rest."""

    def push(self, levels: Centibels) -> npt.NDArray[Any]:
        """Take one second of levels [streams, frames, bands]; return [streams, frames, kinds * groups]."""

    def fresh(self) -> Detector:
        """The same detector with a state of its own: several streams may run at once."""
