"""Send-on-delta: levels become signed events, a few per frame and band.

An input of the chip is a wire that carries -1, 0 or +1 a step. A band emits +1 (-1) when its
level lies more than one threshold above (below) the level already sent, at most ``K`` times a
frame; an integrating neuron that receives the events therefore holds the level itself, and a
weighted sum of levels needs no multiplier.

A code that is ``nearest`` does so from seven tenths of a threshold on and goes to the nearest level
that events can reach: half the error for few events more.

A lost event would be an error for ever, so the levels are sent afresh at every reset: the
reference returns to the training mean while the membranes return to rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.errors import ModelError

Centibels = npt.NDArray[np.int32]
Events = npt.NDArray[np.int8]

MICRO_STEPS = 4
# Of a threshold: a level that trembles about the middle between two that can be sent stays where it is.
_DEAD_ZONE_TENTHS = 7


@dataclass(frozen=True)
class DeltaCode:
    """What an encoder must know: where levels start and how large a step is.

    Args:
        mean: level each band's reference starts at, [bands], hundredths of a decibel.
        threshold: size of one event, [bands], hundredths of a decibel, at least 1.
        micro_steps: events a band may emit per frame (K).
        nearest: whether the level sent is the nearest to the true one, or the first within a threshold.

    Raises:
        ModelError: shapes differ, a threshold is not positive, or K is outside 1 to 64.
    """

    mean: Centibels
    threshold: Centibels
    micro_steps: int = MICRO_STEPS
    nearest: bool = False

    def __post_init__(self) -> None:
        if self.mean.ndim != 1 or self.mean.size == 0 or self.mean.shape != self.threshold.shape:
            raise ModelError("mean and threshold of the delta encoder must be vectors of one length")
        if self.threshold.min() < 1 or not 1 <= self.micro_steps <= 64:
            raise ModelError("the delta encoder needs thresholds of at least 1 and 1 to 64 micro-steps")

    @property
    def bands(self) -> int:
        """How many bands, and so how many signed chip inputs."""
        return len(self.mean)


class DeltaEncoder:
    """Encodes any number of parallel streams; state is kept between calls.

    After the K micro-steps of a frame ``|level - reference| <= threshold`` holds for a band, or all
    its K events had one sign. At constant level the bound holds within
    ``ceil(range / (K * threshold))`` frames.
    """

    def __init__(self, code: DeltaCode, streams: int = 1) -> None:
        self.code = code
        self._reference = np.empty((streams, code.bands), dtype=np.int64)
        self.reset()

    @property
    def reference(self) -> npt.NDArray[np.int64]:
        """The level the receiver holds now, [streams, bands], hundredths of a decibel."""
        return self._reference.copy()

    def reset(self) -> None:
        """Return the references to the training mean, as the membranes return to rest."""
        self._reference[:] = self.code.mean

    def push(self, levels: Centibels) -> Events:
        """Encode levels [streams, frames, bands] into events [streams, frames, K, bands]."""
        steps, threshold = self.code.micro_steps, self.code.threshold.astype(np.int64)
        dead_zone = _DEAD_ZONE_TENTHS * threshold // 10
        signed = np.empty((levels.shape[1], *self._reference.shape), dtype=np.int8)
        distance, count = np.empty_like(self._reference), np.empty_like(self._reference)
        for level, sent in zip(levels.transpose(1, 0, 2), signed, strict=True):
            np.subtract(level, self._reference, out=distance)
            # m events of one sign leave |distance| - m * threshold, which is within one threshold from
            # m = ceil(|distance| / threshold) - 1 on.
            np.abs(distance, out=count)
            if self.code.nearest:
                # Nearest, but nothing for a level that is within the dead zone.
                near = count <= dead_zone
                count += threshold // 2
                count[near] = 0
            else:
                count -= 1
            count //= threshold
            np.minimum(count, steps, out=count)
            np.maximum(count, 0, out=count)
            count *= np.sign(distance, out=distance)
            sent[:] = count
            count *= threshold
            self._reference += count
        per_band = signed.transpose(1, 0, 2)[:, :, None]
        events: Events = np.sign(per_band) * (np.arange(steps)[:, None] < np.abs(per_band))
        return events
