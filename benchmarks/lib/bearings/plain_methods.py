"""Plain methods of the literature: the mean of three harmonics in an envelope spectrum decides."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.stats import kurtosis

from anomaly.diagnose.physics.envelope import HIGHEST_SHARE, LOWEST_HZ, envelope, spectrum_of
from anomaly.diagnose.physics.machine_normal import Sound
from lib.bearings.records import BEARING_FAMILIES, LabelledRecord

PLAIN = ("envelope", "prewhitened", "kurtosis_band")
_LONGEST_S = 10.0
_SLIP = 0.01


def plain_guess(method: str, sound: Sound, record: LabelledRecord) -> str:
    """Return the family whose three harmonics have the largest mean amplitude over the local median."""
    samples = sound.samples[: int(_LONGEST_S * sound.rate_hz)]
    shaft_hz = (record.rpm or 1800.0) / 60
    band = _kurtosis_band(samples, sound.rate_hz) if method == "kurtosis_band" else None
    whitening = "prewhitened" if method == "prewhitened" else "plain"
    orders = record.facts.bearings[0].geometry.orders
    spectrum = spectrum_of(envelope(samples, sound.rate_hz, whitening, band), sound.rate_hz, 25 * shaft_hz)
    amplitude = np.sqrt(spectrum.power)
    scores = {}
    for family in BEARING_FAMILIES:
        peaks = []
        for harmonic in (1, 2, 3):
            middle = harmonic * orders[family] * shaft_hz / spectrum.step_hz
            first, last = int(middle * (1 - _SLIP)), int(np.ceil(middle * (1 + _SLIP))) + 1
            around = amplitude[int(middle * 0.9) : int(middle * 1.1) + 2]
            peaks.append(float(amplitude[first:last].max() / np.median(around)))
        scores[family] = float(np.mean(peaks))
    return max(scores, key=lambda family: scores[family])


def _kurtosis_band(
    samples: np.ndarray[tuple[int], np.dtype[np.float64]], rate_hz: float
) -> tuple[float, float]:
    """Return the band whose squared envelope has the highest kurtosis, of halves, quarters and eighths."""
    low, high = LOWEST_HZ, HIGHEST_SHARE * rate_hz / 2
    bands = []
    for parts in (1, 2, 4, 8):
        edges = np.linspace(low, high, parts + 1)
        bands += [(float(a), float(b)) for a, b in itertools.pairwise(edges)]
    return max(bands, key=lambda band: float(kurtosis(np.sqrt(envelope(samples, rate_hz, "plain", band)))))
