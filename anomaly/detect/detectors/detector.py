"""Protocol of detectors: pooling, calibration, decision and diagnosis work with any of them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy.typing as npt

from anomaly.features.mel import Centibels


class Detector(Protocol):
    """Turns pooled levels into error levels per frame and channel (kind and sub-band group).

    `anomaly.detect.detectors.testing` checks an implementation against this contract.
    """

    @property
    def name(self) -> str:
        """Name in the registry, such as ``student``."""

    @property
    def bands(self) -> int:
        """Number of pooled mel bands in its input."""

    @property
    def channels(self) -> int:
        """Number of error levels per frame: kinds times groups."""

    def reset(self, streams: int) -> None:
        """Start ``streams`` parallel segments with the initial state; earlier input has no effect any more."""

    def push(self, levels: Centibels) -> npt.NDArray[Any]:
        """Return the error levels of one second.

        Streams do not affect each other: each has the levels that it would have alone, to the last bit.

        Args:
            levels: [streams, frames, bands], hundredths of a decibel; 1 to 32 frames.

        Returns:
            Non-negative levels [streams, frames, channels], in the order kind, then group, and by rising frequency.
        """

    def fresh(self) -> Detector:
        """Return the same detector with a state of its own, reset for one stream."""
