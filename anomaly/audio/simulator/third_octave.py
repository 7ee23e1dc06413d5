"""Third-octave energies, and the bands that hold most of a sound's energy.

The bands have the exact midbands 10^(n/10) Hz of IEC 61260-1 (base ten, n = 13 for 20 Hz) and edges
10^(±1/20) around them, up to half the sample rate. A sound's **own third octaves** are the smallest set of
bands that holds 90 % of its energy, found by adding the strongest bands one by one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

from anomaly.audio.simulator.arrays import Curve, Samples

OWN_SHARE = 0.9
_FIRST_BAND = 13
_BLOCK = 1 << 20


def midbands_hz(sample_rate_hz: int) -> Curve:
    """Midband frequencies [bands] of the bands that begin below half the sample rate."""
    last = int(np.ceil(10.0 * np.log10(sample_rate_hz / 2.0) + 0.5)) - 1
    return 10.0 ** (np.arange(_FIRST_BAND, last + 1) / 10.0)


def band_energies(sound: Samples, sample_rate_hz: int) -> Curve:
    """Compute the energy of a sound in each band [bands]: the sum of squared samples, by Parseval's theorem.

    Long sound is processed in blocks of about a million samples.
    """
    middle = midbands_hz(sample_rate_hz)
    edges_hz = np.append(middle * 10.0**-0.05, middle[-1] * 10.0**0.05)
    total = np.zeros(len(middle))
    for first in range(0, len(sound), _BLOCK):
        block = sound[first : first + _BLOCK]
        size = fft.next_fast_len(len(block), real=True)
        spectrum = fft.rfft(block.astype(np.float32, copy=False), size)
        power = (spectrum.real.astype(np.float64) ** 2 + spectrum.imag.astype(np.float64) ** 2) * (2.0 / size)
        below = np.concatenate([[0.0], np.cumsum(power)])
        edges = np.clip(np.ceil(edges_hz * size / sample_rate_hz).astype(np.int64), 0, len(power))
        total += np.diff(below[edges])
    return total


def own_bands(energies: Curve) -> npt.NDArray[np.bool_]:
    """Mark the smallest set of bands that holds 90 % of the energy, bool [bands]; none if there is no energy."""
    own = np.zeros(len(energies), dtype=bool)
    if energies.sum() <= 0.0:
        return own
    order = np.argsort(energies)[::-1]
    shares = np.cumsum(energies[order]) / energies.sum()
    own[order[: int(np.searchsorted(shares, OWN_SHARE)) + 1]] = True
    return own
