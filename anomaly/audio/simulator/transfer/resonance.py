"""Resonances of a structure, and filters with a prescribed spectrum, as short impulse responses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import fft

from anomaly.audio.simulator.arrays import Curve

_SHAPE_TAPS = 512
_GRID = 16_384
# Amplitude, -60 dB, at which a decay is cut, and the longest response.
_DECAY_END = 1e-3
_MAX_RESPONSE_S = 0.15


def minimum_phase(magnitude: Curve, taps: int) -> Curve:
    """Compute the minimum-phase filter with a given amplitude response [taps].

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


def shaping_filter(points: Sequence[tuple[float, float]], sample_rate_hz: int) -> Curve:
    """Compute a filter with given levels (frequency in Hz, dB), linear over the logarithm of the frequency [taps]."""
    frequency = np.linspace(0.0, sample_rate_hz / 2.0, _GRID // 2 + 1)
    log_frequency = np.log([point[0] for point in points])
    level_db = np.interp(np.log(np.maximum(frequency, 1.0)), log_frequency, [point[1] for point in points])
    return minimum_phase(10.0 ** (level_db / 20.0), max(_SHAPE_TAPS, sample_rate_hz // 20))


def modal_response(
    modes: Sequence[tuple[float, float, float]], direct_db: float | None, sample_rate_hz: int
) -> Curve:
    """Compute the impulse response of a structure: the sum of its modes, and a direct part.

    Each mode is a damped oscillator, ``exp(-ζωt) sin(ω √(1 - ζ²) t)`` with damping ratio ζ, scaled by ``2ωζ``, so that
    its gain is that of the peak of its frequency response.

    Args:
        modes: (frequency in Hz, damping ratio, gain in dB) each; those above 0.47 of the sample rate are left out.
        direct_db: level of the direct part; None for the modes alone.
        sample_rate_hz: of the result.

    Source: D. J. Ewins, Modal Testing, 2nd ed., chapter 2 (single-degree-of-freedom system with viscous damping).
    """
    used = [mode for mode in modes if mode[0] < 0.47 * sample_rate_hz]
    decay_s = [np.log(1.0 / _DECAY_END) / (2.0 * np.pi * f * damping) for f, damping, _ in used]
    length = int(min(max(decay_s, default=0.0), _MAX_RESPONSE_S) * sample_rate_hz) + 2
    time_s = np.arange(length) / sample_rate_hz
    response = np.zeros(length)
    if direct_db is not None:
        response[0] = 10.0 ** (direct_db / 20.0)
    for f, damping, gain_db in used:
        omega = 2.0 * np.pi * f
        peak = 2.0 * omega * damping / sample_rate_hz
        oscillation = np.exp(-damping * omega * time_s) * np.sin(omega * np.sqrt(1.0 - damping**2) * time_s)
        response += 10.0 ** (gain_db / 20.0) * peak * oscillation
    return response
