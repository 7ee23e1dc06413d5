"""Tones of shafts, gears, blades and the mains, and their levels in a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anomaly.config.facts.rotating_facts import RotatingFacts, WheelFacts
from anomaly.diagnose.physics.envelope import Curve, Spectrum, spectrum_of

SHAFT_ORDERS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0)
_SIDE_BANDS = (-2, -1, 1, 2)
_HARMONICS = 3
_TOLERANCE = 0.004
"""Relative half width of the band in which a tone is sought: the speed wanders."""
_WINDOW_S = 2.0


@dataclass(frozen=True)
class Tone:
    """A tone that a part of the machine causes.

    Args:
        source: ``shaft``, ``gear``, ``blade`` or ``electrical``.
        part: its name in a sentence.
        order: in orders of the main shaft; None for the mains.
        hz: frequency, for the mains.
        main: whether it is the fundamental that stands for the part.
    """

    source: str
    part: str
    order: float | None = None
    hz: float | None = None
    main: bool = False

    def frequency_hz(self, shaft_hz: float) -> float:
        """Return its frequency at a speed of the main shaft."""
        return self.hz if self.hz is not None else float(self.order or 0.0) * shaft_hz


def tones_of(facts: RotatingFacts) -> list[Tone]:
    """Return all tones that follow from the facts."""
    tones = [Tone("shaft", f"{order:g}x", order, main=order == 1) for order in SHAFT_ORDERS]
    if facts.belt_ratio is not None:
        tones.append(Tone("belt", "the belt", facts.belt_ratio, main=True))
    for wheel in facts.gears:
        tones += _wheel_tones("gear", wheel)
    for rotor in facts.blades:
        tones += _wheel_tones("blade", rotor)
    if facts.mains_hz is not None:
        for number in (2, 4, 6):
            tones.append(
                Tone("electrical", f"{number} times mains", hz=number * facts.mains_hz, main=number == 2)
            )
    return tones


def _wheel_tones(source: str, wheel: WheelFacts) -> list[Tone]:
    part = wheel.name or f"{wheel.count} {'teeth' if source == 'gear' else 'blades'}"
    tones = []
    for number in range(1, _HARMONICS + 1):
        order = number * wheel.count * wheel.ratio
        tones.append(Tone(source, part, order, main=number == 1))
        if source == "gear":
            tones += [Tone(source, part, order + side * wheel.ratio) for side in _SIDE_BANDS]
    return tones


def tone_levels_db(samples: Curve, rate_hz: float, shaft_hz: float, tones: Sequence[Tone]) -> Curve:
    """Return the level of each tone in dB (any reference), [tones]; NaN above half the rate.

    The median of windows of two seconds: a knock in one of them does not count.
    """
    size = min(len(samples), int(_WINDOW_S * rate_hz))
    starts = range(0, len(samples) - size + 1, size)
    spectra = [spectrum_of(samples[start : start + size], rate_hz, rate_hz / 2) for start in starts]
    levels = [[_level(spectrum, tone.frequency_hz(shaft_hz)) for tone in tones] for spectrum in spectra]
    return np.asarray(np.median(np.asarray(levels), axis=0)) if levels else np.zeros(0)


def _level(spectrum: Spectrum, hz: float) -> float:
    half = max(1.5 * spectrum.step_hz, _TOLERANCE * hz)
    first, last = int((hz - half) / spectrum.step_hz), int(np.ceil((hz + half) / spectrum.step_hz)) + 1
    if last >= len(spectrum.power) or hz <= 0:
        return float("nan")
    return float(10 * np.log10(spectrum.power[max(0, first) : last].sum() + 1e-30))
