"""What the machine is doing: running, stopped, ramping, or something never heard in training.

Every second has a spectrum, the mean level of eight groups of bands. Training found the steady spectra the
machine has (`anomaly.detect.operating.fit`); a second belongs to the one that explains it best, and a change
of state has to pay a toll, so that the pause between two strokes of a valve is no stop. What lies on the way
between two states may be a ramp; what nothing explains is unknown. Unknown sound is scored and decided upon
like any other: only a machine at rest, and a ramp that proves to be one, are not. Rest is a spectrum: whatever is
heard beside it, such as a leak, makes it unknown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.errors import ModelError
from anomaly.features.front_end import FrontEnd, frames_before, segment_levels
from anomaly.features.mel import SAMPLE_RATE_HZ, Centibels, Samples

Spectrum = npt.NDArray[np.float64]

# Bands that describe the operating state: each averages 16 of the 128 mel bands, so that a narrow fault changes few.
OPERATING_BANDS = 8
# Levels of neighbouring bands are correlated: eight of them count as this many independent observations (an estimate).
_INDEPENDENT_BANDS = 3.0
# A second at least this many standard deviations from every state is unknown.
_UNKNOWN_DEVIATIONS = 4.0
# What a ramp's way between two states may be off by, in dB, and what it costs to call a second a ramp.
_RAMP_WIDTH_DB, RAMP_TOLL, _RAMP_COST = 1.5, 2.0, 6.0
# An unheard stop: quieter by this much in the mean over groups, and louder in none.
_STOP_DB, _STOP_DEVIATIONS = 6.0, 3.0


class OperatingState(StrEnum):
    """What the machine is doing."""

    RUNNING = "running"
    STOPPED = "stopped"
    RAMPING = "ramping"
    UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class OperatingStates:
    """The steady spectra of a machine.

    Args:
        centre: level of each state, [states, OPERATING_BANDS], in dB.
        spread: standard deviation of its seconds, same shape, in dB.
        stopped: which state is the machine at rest; None if training heard no such sound.
        toll: log likelihood that a change of state has to be worth.
        longest_ramp_s: what lasts longer is no ramp.
    """

    centre: Spectrum
    spread: Spectrum
    stopped: int | None
    toll: float
    longest_ramp_s: int

    def explain(self, spectrum: Spectrum) -> Spectrum:
        """Log likelihood of a second in each state, then as a ramp, then as something else, [states + 2]."""
        typical = float(np.log(self.spread).mean())
        distance = (((spectrum - self.centre) / self.spread) ** 2).mean(axis=1)
        states = -0.5 * _INDEPENDENT_BANDS * distance - _INDEPENDENT_BANDS * np.log(self.spread).mean(axis=1)
        way = self._off_the_way(spectrum) / (_RAMP_WIDTH_DB**2 + float((self.spread**2).mean()))
        ramp = -0.5 * _INDEPENDENT_BANDS * way - _INDEPENDENT_BANDS * typical - _RAMP_COST
        unknown = -0.5 * _INDEPENDENT_BANDS * _UNKNOWN_DEVIATIONS**2 - _INDEPENDENT_BANDS * typical
        return np.array([*states, ramp, unknown])

    def at_rest(self, spectrum: Spectrum) -> bool:
        """Whether a second is far quieter than all that training heard, and louder nowhere: an unheard stop."""
        quietest, spread = self.centre.min(axis=0), self.spread.max(axis=0)
        fall = quietest - spectrum
        far = max(_STOP_DB, _STOP_DEVIATIONS * float(spread.mean()))
        return bool(fall.mean() >= far and (fall > -spread).all())

    def _off_the_way(self, spectrum: Spectrum) -> float:
        """Mean square distance, dB², to the nearest straight way between two states, or from one to silence."""
        ways = [_off_segment(spectrum, a, b) for i, a in enumerate(self.centre) for b in self.centre[i + 1 :]]
        ways += [_below(spectrum, a) for a in self.centre] if self.stopped is None else []
        return min(ways, default=math.inf)

    def to_dict(self) -> dict[str, Any]:
        """For calibration.json."""
        return {
            "centre": self.centre.tolist(),
            "spread": self.spread.tolist(),
            "stopped": self.stopped,
            "toll": self.toll,
            "longest_ramp_s": self.longest_ramp_s,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> OperatingStates:
        """Read back what `to_dict` wrote.

        Raises:
            ModelError: a key is missing or a value makes no sense.
        """
        try:
            centre, spread = (np.array(values[k], dtype=np.float64) for k in ("centre", "spread"))
            stopped = None if values["stopped"] is None else int(values["stopped"])
            toll, longest = float(values["toll"]), int(values["longest_ramp_s"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"unreadable operating states: {error}", where="calibration.json") from error
        shaped = centre.ndim == 2 and centre.shape[1] == OPERATING_BANDS and len(centre) > 0
        if not shaped or spread.shape != centre.shape or not np.isfinite([centre, spread]).all():
            raise ModelError("operating states have a wrong shape", where="calibration.json")
        known = stopped is None or 0 <= stopped < len(centre)
        if (spread <= 0).any() or not known or not 0 < toll < math.inf or longest < 1:
            raise ModelError("an operating state makes no sense", where="calibration.json")
        return cls(centre, spread, stopped, toll, longest)


def second_spectra(samples: Samples, front_end: FrontEnd) -> Spectrum:
    """Group levels of each whole second of a recording [n], float32, 16 kHz: [seconds, OPERATING_BANDS], in dB."""
    return segment_spectra(segment_levels(samples, front_end), len(samples) // SAMPLE_RATE_HZ, front_end)


def segment_spectra(segments: Centibels, seconds: int, front_end: FrontEnd) -> Spectrum:
    """The same from what ``segment_levels`` made of it."""
    places = [divmod(second, front_end.reset_s) for second in range(seconds)]
    return np.stack([group_levels(segments[s, frames_before(k) : frames_before(k + 1)]) for s, k in places])


def group_levels(levels: Centibels) -> Spectrum:
    """Mean level of each group of bands over one second of pooled levels [frames, bands], in dB: [OPERATING_BANDS]."""
    mean = np.asarray(levels, dtype=np.float64).mean(axis=0) / 100.0
    return np.array([part.mean() for part in np.array_split(mean, OPERATING_BANDS)])


def _off_segment(point: Spectrum, begin: Spectrum, end: Spectrum) -> float:
    along = end - begin
    share = float(np.clip(np.dot(point - begin, along) / max(float(np.dot(along, along)), 1e-9), 0.0, 1.0))
    return float(((point - begin - share * along) ** 2).mean())


def _below(point: Spectrum, state: Spectrum) -> float:
    """Off the way from a state down to any silence: what is louder counts in full, and the fall has to be one."""
    fall = state - point
    return float((np.minimum(fall, 0.0) ** 2).mean()) if fall.mean() > _STOP_DB / 2 else math.inf
