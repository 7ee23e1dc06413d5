"""What turns a blow into a ring: resonances of a structure and the shape of a spectrum, as short filters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import fft

from anomaly.audio.simulator.arrays import Curve

_SHAPE_TAPS = 512
_GRID = 16_384
_SILENT = 1e-3
_LONGEST_RING_S = 0.15


def minimum_phase(magnitude: Curve, taps: int) -> Curve:
    """The causal filter without delay whose amplitude response is given.

    Args:
        magnitude: [points] response at evenly spaced frequencies from 0 to half the sample rate.
        taps: length of the result.

    Source: A. V. Oppenheim and R. W. Schafer, Discrete-Time Signal Processing, 3rd ed., section 13.5 (cepstrum).
    """
    size = 2 * (len(magnitude) - 1)
    floor = max(float(magnitude.max()) * 1e-5, 1e-12)
    cepstrum = fft.irfft(np.log(np.maximum(magnitude, floor)), size)
    cepstrum[1 : size // 2] *= 2.0
    cepstrum[size // 2 + 1 :] = 0.0
    impulse = fft.irfft(np.exp(fft.rfft(cepstrum)), size)[:taps]
    fade = max(1, taps // 8)
    impulse[-fade:] *= np.linspace(1.0, 0.0, fade)
    return np.asarray(impulse, dtype=np.float64)


def shaped(points: Sequence[tuple[float, float]], sample_rate_hz: int) -> Curve:
    """A filter with the given levels (frequency in Hz, dB), straight on a logarithmic frequency axis."""
    frequency = np.linspace(0.0, sample_rate_hz / 2.0, _GRID // 2 + 1)
    where = np.log([point[0] for point in points])
    level_db = np.interp(np.log(np.maximum(frequency, 1.0)), where, [point[1] for point in points])
    return minimum_phase(10.0 ** (level_db / 20.0), max(_SHAPE_TAPS, sample_rate_hz // 20))


def rings(modes: Sequence[tuple[float, float, float]], direct_db: float | None, sample_rate_hz: int) -> Curve:
    """The answer of a structure to one blow: decaying tones, and what passes beside them.

    Args:
        modes: (frequency in Hz, damping, gain in dB) each; those above 0.47 of the sample rate are left out.
        direct_db: level of the blow itself; None if only the resonances are heard.
        sample_rate_hz: of the result.
    """
    heard = [mode for mode in modes if mode[0] < 0.47 * sample_rate_hz]
    decay_s = [np.log(1.0 / _SILENT) / (2.0 * np.pi * f * damping) for f, damping, _ in heard]
    length = int(min(max(decay_s, default=0.0), _LONGEST_RING_S) * sample_rate_hz) + 2
    time_s = np.arange(length) / sample_rate_hz
    answer = np.zeros(length)
    if direct_db is not None:
        answer[0] = 10.0 ** (direct_db / 20.0)
    for f, damping, gain_db in heard:
        omega = 2.0 * np.pi * f
        # Scaled so that the peak of the resonance, not the first swing, has the given gain.
        peak = 2.0 * omega * damping / sample_rate_hz
        swing = np.exp(-damping * omega * time_s) * np.sin(omega * np.sqrt(1.0 - damping**2) * time_s)
        answer += 10.0 ** (gain_db / 20.0) * peak * swing
    return answer
