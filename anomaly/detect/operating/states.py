"""Operating states: running, stopped, ramping, or unknown, from the spectrum of each second.

A second is described by the mean levels of eight bands. Training finds the steady spectra of the machine
(`anomaly.detect.operating.fit`). The state of a second is the most likely one given the seconds before: each change of
state costs a penalty in log likelihood, so that the pause between two strokes of a valve is no stop. Spectra between
two states may belong to a ramp; spectra far from all states and from the lines between them are unknown. The decision
leaves out seconds of a stopped machine and of a ramp, and takes unknown ones: most faults are unknown sound. The
stopped state is a spectrum too: a machine that is stopped while something else sounds, such as a leak, is unknown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
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
# Standard deviation of a ramp around the line between two states.
_RAMP_WIDTH_DB = 1.5
# Penalty, in log likelihood, of a change into or out of a ramp, and of each second in it.
RAMP_CHANGE_PENALTY, _RAMP_SECOND_PENALTY = 2.0, 6.0
# A stop without such a state in training: quieter than all states by this much in the mean over bands.
_STOP_DB, _STOP_DEVIATIONS = 6.0, 3.0
# A second resembles a confirmed stop within this distance (root mean square over the bands): background noise of a hall
# varies by some decibels from day to day.
_CONFIRMED_STOP_DB = 4.0


class OperatingState(StrEnum):
    """Operating state of the machine in one second."""

    RUNNING = "running"
    STOPPED = "stopped"
    RAMPING = "ramping"
    UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class OperatingStates:
    """Steady spectra of a machine.

    Args:
        centre: level of each state, [states, OPERATING_BANDS], in dB.
        spread: standard deviation of its seconds, same shape, in dB.
        stopped: index of the stopped state; None if training has none.
        change_penalty: penalty of a change of state, in log likelihood.
        longest_ramp_s: longest duration of a ramp.
        confirmed_stops: levels of stops that training did not hold and a person has confirmed, [stops,
            OPERATING_BANDS], in dB.
    """

    centre: Spectrum
    spread: Spectrum
    stopped: int | None
    change_penalty: float
    longest_ramp_s: int
    confirmed_stops: Spectrum = field(default_factory=lambda: np.zeros((0, OPERATING_BANDS)))

    def explain(self, spectra: Spectrum) -> Spectrum:
        """Return the log likelihoods of seconds, [n, states + 2]: of each state, of a ramp, of unknown sound.

        Args:
            spectra: [n, OPERATING_BANDS], dB.
        """
        typical = float(np.log(self.spread).mean())
        distance = (((spectra[:, None] - self.centre) / self.spread) ** 2).mean(axis=2)
        states = -0.5 * _INDEPENDENT_BANDS * distance - _INDEPENDENT_BANDS * np.log(self.spread).mean(axis=1)
        off_line = self._line_distance(spectra) / (_RAMP_WIDTH_DB**2 + float((self.spread**2).mean()))
        ramp = -0.5 * _INDEPENDENT_BANDS * off_line - _INDEPENDENT_BANDS * typical - _RAMP_SECOND_PENALTY
        unknown = -0.5 * _INDEPENDENT_BANDS * _UNKNOWN_DEVIATIONS**2 - _INDEPENDENT_BANDS * typical
        return np.column_stack([states, ramp, np.full(len(spectra), unknown)])

    def at_rest(self, spectra: Spectrum) -> npt.NDArray[np.bool_]:
        """Return whether seconds are much quieter than all states and louder in no band, [n]: a new stop."""
        quietest, spread = self.centre.min(axis=0), self.spread.max(axis=0)
        fall = quietest - spectra
        far = max(_STOP_DB, _STOP_DEVIATIONS * float(spread.mean()))
        rest: npt.NDArray[np.bool_] = (fall.mean(axis=1) >= far) & (fall > -spread).all(axis=1)
        return rest

    def is_confirmed_stop(self, spectrum: Spectrum) -> bool:
        """Return whether a second resembles a stop that a person has confirmed."""
        distance = np.sqrt(((self.confirmed_stops - spectrum) ** 2).mean(axis=1))
        return bool((distance <= _CONFIRMED_STOP_DB).any())

    def _line_distance(self, spectra: Spectrum) -> Spectrum:
        """Return the mean square distance, dB², to the nearest line between two states, or from a state to silence."""
        distances = [
            _off_segment(spectra, a, b) for i, a in enumerate(self.centre) for b in self.centre[i + 1 :]
        ]
        distances += [_below(spectra, a) for a in self.centre] if self.stopped is None else []
        if not distances:
            return np.full(len(spectra), math.inf)
        nearest: Spectrum = np.min(distances, axis=0)
        return nearest

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for calibration.json."""
        return {
            "centre": self.centre.tolist(),
            "spread": self.spread.tolist(),
            "stopped": self.stopped,
            "toll": self.change_penalty,
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
            penalty, longest = float(values["toll"]), int(values["longest_ramp_s"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"unreadable operating states: {error}", where="calibration.json") from error
        shaped = centre.ndim == 2 and centre.shape[1] == OPERATING_BANDS and len(centre) > 0
        if not shaped or spread.shape != centre.shape or not np.isfinite([centre, spread]).all():
            raise ModelError("operating states have a wrong shape", where="calibration.json")
        known = stopped is None or 0 <= stopped < len(centre)
        if (spread <= 0).any() or not known or not 0 < penalty < math.inf or longest < 1:
            raise ModelError("an operating state makes no sense", where="calibration.json")
        return cls(centre, spread, stopped, penalty, longest)


def second_spectra(samples: Samples, front_end: FrontEnd) -> Spectrum:
    """Return the band levels of each second of a recording [n], float32, 16 kHz: [seconds, OPERATING_BANDS], dB."""
    return segment_spectra(segment_levels(samples, front_end), len(samples) // SAMPLE_RATE_HZ, front_end)


def segment_spectra(segments: Centibels, seconds: int, front_end: FrontEnd) -> Spectrum:
    """Return the band levels of each second from the `segment_levels` of a recording."""
    places = [divmod(second, front_end.reset_s) for second in range(seconds)]
    return np.stack([group_levels(segments[s, frames_before(k) : frames_before(k + 1)]) for s, k in places])


def group_levels(levels: Centibels) -> Spectrum:
    """Return the mean level of each band over one second of pooled levels [..., frames, bands], dB.

    Returns:
        [..., OPERATING_BANDS].
    """
    mean = np.asarray(levels, dtype=np.float64).mean(axis=-2) / 100.0
    return np.stack([part.mean(axis=-1) for part in np.array_split(mean, OPERATING_BANDS, axis=-1)], axis=-1)


def _off_segment(points: Spectrum, begin: Spectrum, end: Spectrum) -> Spectrum:
    """Return the mean square distance of points [n, OPERATING_BANDS] from a line segment, [n]."""
    along = end - begin
    length = max(float((along * along).sum()), 1e-9)
    share = np.clip(((points - begin) * along).sum(axis=1) / length, 0.0, 1.0)
    distance: Spectrum = ((points - begin - share[:, None] * along) ** 2).mean(axis=1)
    return distance


def _below(points: Spectrum, state: Spectrum) -> Spectrum:
    """Return the mean square excess over a state in bands that are louder; infinite unless most bands are quieter."""
    fall = state - points
    excess = (np.minimum(fall, 0.0) ** 2).mean(axis=1)
    return np.where(fall.mean(axis=1) > _STOP_DB / 2, excess, math.inf)
