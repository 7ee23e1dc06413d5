"""Envelope spectrum of a recording with the lines of the most probable cause."""

from __future__ import annotations

import numpy as np

from anomaly.diagnose.physics.bearing_evidence import LONGEST_S
from anomaly.diagnose.physics.envelope import envelope, spectrum_of
from anomaly.diagnose.physics.explanation import Candidate, Explanation
from anomaly.diagnose.physics.machine_normal import Sound
from anomaly.diagnose.pictures.plot import Line, Mark, draw_plot

_HARMONICS = 4
_LEAST_HZ = 200.0
_POINTS = 1500


def draw_envelope(sound: Sound, found: Explanation, title: str) -> bytes:
    """Draw the envelope spectrum, prewhitened for impacts, and mark harmonics of the best candidate."""
    best = found.candidates[0] if found.candidates else None
    highest_hz = max(_LEAST_HZ, (_HARMONICS + 0.5) * best.frequency_hz) if best else _LEAST_HZ
    samples = sound.samples[: int(LONGEST_S * sound.rate_hz)]
    if best is not None and best.rise_db is not None:
        spectrum = spectrum_of(samples, sound.rate_hz, min(highest_hz, sound.rate_hz / 2))
        kind = "spectrum"
    else:
        spectrum = spectrum_of(envelope(samples, sound.rate_hz), sound.rate_hz, highest_hz)
        kind = "envelope spectrum"
    group = max(1, len(spectrum.power) // _POINTS)
    count = len(spectrum.power) // group * group
    amplitude = np.sqrt(spectrum.power[:count].reshape(-1, group).max(axis=1))
    amplitude[: max(1, int(2 / (group * spectrum.step_hz)))] = 0.0
    x = np.arange(len(amplitude), dtype=np.float64) * group * spectrum.step_hz
    line = Line(x, np.asarray(amplitude / (np.median(amplitude) + 1e-30), dtype=np.float64))
    return draw_plot(f"{title}: {kind}", ("Hz", "amplitude over median"), [line], _marks(best))


def _marks(best: Candidate | None) -> list[Mark]:
    if best is None:
        return []
    name = best.family
    return [
        Mark(number * best.frequency_hz, f"{number}x {name}" if number == 1 else f"{number}x")
        for number in range(1, _HARMONICS + 1)
    ]
