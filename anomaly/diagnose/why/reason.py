"""Reason of an anomaly in one sentence, with the nearest normal sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anomaly.diagnose.physics.envelope import Curve
from anomaly.diagnose.physics.sentence import hertz
from anomaly.diagnose.why.change import LEAST_DB, ChangeFinder, SoundChange
from anomaly.diagnose.why.course import Course, course
from anomaly.diagnose.why.sound_profile import profile

_CONSTANT = 0.85


@dataclass(frozen=True)
class Reason:
    """Reason of an anomaly.

    Args:
        change: main change; None where the sound is like normal sound.
        course: since when and how constant; None where the level does not show it.
        nearest: number of the piece of normal sound that is nearest by its levels.
        distance_db: root mean square of the difference to it over the bands.
    """

    change: SoundChange | None
    course: Course | None
    nearest: int
    distance_db: float

    def sentence(self) -> str:
        """Return the reason in words."""
        if self.change is None:
            return "The sound is like normal sound in level, tones, impulses and modulation."
        return f"{_what(self.change)}{_when(self.course)}."

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        found: dict[str, Any] = {
            "change": None if self.change is None else self.change.to_dict(),
            "since_s": None if self.course is None else self.course.since_s,
            "share": None if self.course is None else round(self.course.share, 2),
        }
        return found | {"reason": self.sentence()}


def find_reason(
    samples: Curve, rate_hz: float, normal: Sequence[Curve], finder: ChangeFinder | None = None
) -> Reason:
    """Compare a sound with normal sound.

    Args:
        samples: [n], one channel, at least half a second.
        rate_hz: sample rate of all.
        normal: pieces of normal sound, [n] each.
        finder: of the same pieces, if it exists already.
    """
    finder = finder or ChangeFinder(normal, rate_hz)
    change = finder.find(samples)
    levels = profile(samples, rate_hz).levels_db
    distances = [float(np.sqrt(np.mean((levels - one.levels_db) ** 2))) for one in finder.profiles]
    nearest = int(np.argmin(distances))
    found = None if change is None else course(samples, rate_hz, change, normal[nearest])
    return Reason(change, found, nearest, distances[nearest])


def _what(change: SoundChange) -> str:
    band = f"{hertz(change.band_hz[0])} to {hertz(change.band_hz[1])}"
    size = f"{abs(change.change_db):.0f} dB {'above' if change.change_db > 0 else 'below'} normal"
    size = size if abs(change.change_db) >= LEAST_DB else "at about the normal level"
    if change.kind == "tone":
        return f"A tone at {hertz(change.middle_hz)}, {size}"
    if change.kind == "shift":
        return f"A component has moved from {hertz(change.from_hz or 0.0)} to {hertz(change.middle_hz)}"
    if change.kind == "impulses":
        rate = "irregular" if change.rate_hz is None else f"{hertz(change.rate_hz)}"
        return (
            f"{'Irregular impulses' if change.rate_hz is None else f'Impulses at {rate}'} in {band}, {size}"
        )
    if change.kind == "modulation":
        return f"The level at {band} swells and fades, {size}"
    if change.kind == "missing":
        return f"Sound at {band} is missing, {size}"
    return f"Noise at {band}, {size}"


def _when(found: Course | None) -> str:
    if found is None:
        return ""
    since = "all the time" if found.since_s == 0 else f"from second {found.since_s:.0f} on"
    if found.share < _CONSTANT:
        return f", on and off: {100 * found.share:.0f} % of the time" + (
            "" if found.since_s == 0 else f" from second {found.since_s:.0f} on"
        )
    return f", {since}"
