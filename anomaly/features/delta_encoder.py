"""Delta encoder (send-on-delta): levels become signed events, a few per frame and band.

An input of the chip carries -1, 0 or +1 per time step. A band emits +1 (-1) when its
level lies more than one threshold above (below) the level already sent, at most ``K`` times a
frame; an integrating neuron that receives the events therefore holds the level itself, and a
weighted sum of levels needs no multiplier.

A ``nearest`` code emits from seven tenths of a threshold on, and moves to the nearest level that events can reach:
half the error for few events more.

Without a leak, a lost event is a permanent error. Receivers may therefore leak: every membrane loses 2^-n of its value
in each micro-step, so that the represented level decays towards the training mean. The encoder's reference decays by
the same factor, and further events keep the receiver at the level. All membranes share the factor and are linear, so
that weighted sums of levels decay alike, and two thirds of an error are gone within 2^n micro-steps. Levels farther
from the mean than 2^n events cannot be represented, and are clipped.

Levels are sent afresh at every reset too: the reference returns to the training mean while the
membranes return to rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.audio.compiled import compiled_kernels
from anomaly.errors import ModelError

Centibels = npt.NDArray[np.int32]
Events = npt.NDArray[np.int8]

MICRO_STEPS = 4
# Dead zone in tenths of a threshold: a level that fluctuates about the middle between two representable ones is kept.
_DEAD_ZONE_TENTHS = 7
# Fractional bits of references, in hundredths of a decibel, and of the decay factor.
_FRACTION, _DECAY_BITS = 8, 20


@dataclass(frozen=True)
class DeltaCode:
    """Settings of a delta encoder.

    Args:
        mean: level each band's reference starts at, [bands], hundredths of a decibel.
        threshold: size of one event, [bands], hundredths of a decibel, at least 1.
        micro_steps: events a band may emit per frame (K).
        nearest: whether the level sent is the nearest to the true one, or the first within a threshold.
        leak: n of the receivers' leak 2^-n per micro-step, 0 for none.

    Raises:
        ModelError: shapes differ, a threshold is not positive, K is outside 1 to 64, or the leak outside 0 to 30.
    """

    mean: Centibels
    threshold: Centibels
    micro_steps: int = MICRO_STEPS
    nearest: bool = False
    leak: int = 0

    def __post_init__(self) -> None:
        if self.mean.ndim != 1 or self.mean.size == 0 or self.mean.shape != self.threshold.shape:
            raise ModelError("mean and threshold of the delta encoder must be vectors of one length")
        if self.threshold.min() < 1 or not 1 <= self.micro_steps <= 64:
            raise ModelError("the delta encoder needs thresholds of at least 1 and 1 to 64 micro-steps")
        if not 0 <= self.leak <= 30:
            raise ModelError(f"a leak of 2^-{self.leak} is none that a chip has: n is 0 (no leak) to 30")

    @property
    def bands(self) -> int:
        """Number of bands, which is the number of signed chip inputs."""
        return len(self.mean)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values, for calibration.json."""
        return {
            "mean": self.mean.tolist(),
            "threshold": self.threshold.tolist(),
            "micro_steps": self.micro_steps,
            "nearest": self.nearest,
            "leak": self.leak,
        }

    @classmethod
    def from_dict(cls, values: Any) -> DeltaCode:
        """Read back what `to_dict` wrote; keys that older bundles lack may be missing.

        Raises:
            ModelError: a key is missing or a value makes no sense.
        """
        try:
            mean, threshold = (np.array(values[key], dtype=np.int32) for key in ("mean", "threshold"))
            nearest, leak = values.get("nearest", False), values.get("leak", 0)
            if not isinstance(nearest, bool):
                raise ValueError(f"nearest is {nearest!r}, not true or false")
            if isinstance(leak, bool) or not isinstance(leak, int):
                raise ValueError(f"leak is {leak!r}, not a whole number")
            return cls(mean, threshold, int(values["micro_steps"]), nearest, leak)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"unreadable encoder: {error}", where="calibration.json") from error


class DeltaEncoder:
    """Delta encoder of any number of parallel streams; its state is kept between calls.

    After the K micro-steps of a frame ``|level - reference| <= threshold`` holds for a band, or all
    its K events had one sign. At constant level and without a leak the bound holds within
    ``ceil(range / (K * threshold))`` frames; with a leak where K events a frame can hold the level at all.
    """

    def __init__(self, code: DeltaCode, streams: int = 1) -> None:
        self.code = code
        # References minus the mean, with fractional bits: the decay must not depend on rounding.
        self._held = np.zeros((streams, code.bands), dtype=np.int64)
        factors = [_decay(code.leak, steps) for steps in range(code.micro_steps, -1, -1)]
        self._frame_decay = factors[0]
        # Contribution of each event of a frame to the reference at its end, [events, 1, bands].
        self._contribution = (
            code.threshold.astype(np.int64) * np.array(factors[1:])[:, None, None] >> _DECAY_BITS - _FRACTION
        )
        self._bounds = _bounds(code, self._contribution)

    @property
    def reference(self) -> npt.NDArray[np.int64]:
        """Level that the receiver represents now, [streams, bands], hundredths of a decibel."""
        rounded: npt.NDArray[np.int64] = self.code.mean + (self._held + (1 << _FRACTION - 1) >> _FRACTION)
        return rounded

    def reset(self) -> None:
        """Return the references to the training mean, as the membranes return to rest."""
        self._held[:] = 0

    def push(self, levels: Centibels) -> Events:
        """Encode levels [streams, frames, bands] into events [streams, frames, K, bands]."""
        events = np.empty((levels.shape[1], self.code.micro_steps, *self._held.shape), dtype=np.int8)
        targets = (levels.transpose(1, 0, 2).astype(np.int64) - self.code.mean) << _FRACTION
        for level, sent in zip(targets, events, strict=True):
            if self.code.leak:
                self._held *= self._frame_decay
                self._held >>= _DECAY_BITS
            level -= self._held
            np.multiply(np.abs(level) > self._bounds, np.sign(level), out=sent, casting="unsafe")
            self._held += (sent * self._contribution).sum(axis=0)
        return events.transpose(2, 0, 1, 3)

    def steps(self, levels: Centibels) -> Events:
        """Encode levels [streams, frames, bands] into events [frames * K, streams, bands], as a network takes them."""
        streams, frames, bands = levels.shape
        if not compiled_kernels.are_loaded():
            events = self.push(levels).transpose(1, 2, 0, 3)
            return events.reshape(frames * self.code.micro_steps, streams, bands)
        from anomaly.features.compiled.encoder_kernel import encode

        found = np.empty((frames * self.code.micro_steps, streams, bands), np.int8)
        leak = np.int64(self._frame_decay if self.code.leak else 0)
        contribution, bounds = self._contribution[:, 0], self._bounds[:, 0]
        mean, shifts = self.code.mean.astype(np.int64), (_FRACTION, _DECAY_BITS)
        encode(np.ascontiguousarray(levels), mean, self._held, contribution, bounds, leak, shifts, found)
        return found


def _decay(leak: int, steps: int) -> int:
    """Return the decay factor of a membrane over some steps, in units of 2^-20."""
    if leak == 0:
        return 1 << _DECAY_BITS
    factor: int = (((1 << leak) - 1) ** steps << _DECAY_BITS) >> leak * steps
    return factor


def _bounds(code: DeltaCode, contribution: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the distance beyond which each event of a frame is sent, with fractional bits, [events, 1, bands]."""
    before = contribution.cumsum(axis=0) - contribution
    if not code.nearest:
        return before + contribution[-1:]
    # From half-way on, but not within the dead zone.
    threshold = code.threshold.astype(np.int64)
    half_way = before + contribution - (threshold // 2 << _FRACTION) - 1
    bounds: npt.NDArray[np.int64] = np.maximum(half_way, (_DEAD_ZONE_TENTHS * threshold // 10) << _FRACTION)
    return bounds
