"""Normal sound of a machine, as the physics of its parts sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from anomaly.config.facts.rotating_facts import RotatingFacts
from anomaly.diagnose.physics.envelope import Curve
from anomaly.diagnose.physics.fault_lines import bearing_lines
from anomaly.diagnose.physics.normal_baseline import NormalBaseline, learn_baseline
from anomaly.diagnose.physics.shaft_lines import tone_levels_db, tones_of
from anomaly.diagnose.physics.shaft_speed import ShaftSpeed, estimate_speed, stated_speed
from anomaly.diagnose.physics.tone_verdict import NormalTones

_LEAST_FOR_TONES = 3


@dataclass(frozen=True, eq=False)
class Sound:
    """One recording.

    Args:
        samples: [n], one channel.
        rate_hz: sample rate.
    """

    samples: Curve
    rate_hz: float

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self.samples) / self.rate_hz


@dataclass(frozen=True, eq=False)
class MachineNormal:
    """Matches and levels in normal sound; empty where there is none.

    Args:
        baseline: matches of bearings.
        tones: levels of tones by recording; None with fewer than three.
        seconds: of normal sound.
    """

    baseline: NormalBaseline = field(default_factory=NormalBaseline)
    tones: NormalTones | None = None
    seconds: float = 0.0

    @property
    def words(self) -> str:
        """Words for the sound that probabilities are measured against."""
        if self.baseline.windows or self.tones is not None:
            return f"{self.seconds:.0f} s of this machine's normal sound"
        return "white noise, as no normal sound of the machine is given"


def speed_of(sound: Sound, facts: RotatingFacts, rpm: float | None = None) -> ShaftSpeed | None:
    """Return the speed of the shaft: given, else of the facts, else estimated."""
    if rpm is not None:
        return stated_speed(rpm / 60)
    if facts.stated_hz is not None:
        return stated_speed(facts.stated_hz)
    return estimate_speed(sound.samples, sound.rate_hz, facts.range_hz)


def learn_normal(
    sounds: Sequence[Sound], facts: RotatingFacts, window_s: float, rpm: float | None = None
) -> MachineNormal:
    """Learn the normal sound of a machine from recordings.

    Args:
        sounds: recordings of normal sound.
        facts: of the machine.
        window_s: length of the recordings that will be judged.
        rpm: speed of the shaft in all of them, if known.
    """
    turning = [(sound, speed) for sound in sounds if (speed := speed_of(sound, facts, rpm)) is not None]
    baseline = learn_baseline(
        [(sound.samples, sound.rate_hz, speed.hz) for sound, speed in turning], bearing_lines(facts), window_s
    )
    tones = tones_of(facts)
    levels = [
        tone_levels_db(piece, sound.rate_hz, speed.hz, tones)
        for sound, speed in turning
        for piece in _pieces(sound, window_s)
    ]
    seconds = sum(sound.seconds for sound, _ in turning)
    enough = len(levels) >= _LEAST_FOR_TONES
    return MachineNormal(baseline, NormalTones(np.asarray(levels)) if enough else None, seconds)


def _pieces(sound: Sound, window_s: float) -> list[Curve]:
    size = min(len(sound.samples), int(window_s * sound.rate_hz))
    return [sound.samples[start : start + size] for start in range(0, len(sound.samples) - size + 1, size)]
