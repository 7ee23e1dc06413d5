"""Envelope spectra of whitened sound, in which repeated impacts stand as lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

Curve = npt.NDArray[np.float64]

LOWEST_HZ = 200.0
HIGHEST_SHARE = 0.98
"""Band that is demodulated by default: from `LOWEST_HZ` to this share of half the sample rate."""
SMOOTHING_HZ = 100.0
"""Width over which `smoothly_whitened` takes the median of the amplitude spectrum."""
_TINY = 1e-20


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Power at equally spaced frequencies from zero.

    Args:
        power: [bins].
        step_hz: distance of two bins.
    """

    power: Curve
    step_hz: float


def prewhitened(spectrum: npt.NDArray[np.complex128], _step_hz: float) -> npt.NDArray[np.complex128]:
    """Give every bin of a spectrum the amplitude 1: cepstrum prewhitening.

    Tones, which fill few bins, lose their energy; impacts, which fill a band, keep their phases and so their times.

    Source: P. Borghesani, P. Pennacchi, R. B. Randall, N. Sawalhi and R. Ricci, "Application of cepstrum pre-whitening
    for the diagnosis of bearing faults under variable speed conditions", MSSP 36 (2013).
    """
    return np.asarray(spectrum / (np.abs(spectrum) + _TINY))


def smoothly_whitened(spectrum: npt.NDArray[np.complex128], step_hz: float) -> npt.NDArray[np.complex128]:
    """Divide a spectrum by the running median of its amplitude; tones stay, resonances become flat.

    It shows weaker impacts than `prewhitened`, but also the beats of tones, which look like them.
    """
    width = max(3, int(SMOOTHING_HZ / step_hz)) | 1
    return np.asarray(spectrum / (median_filter(np.abs(spectrum), width, mode="nearest") + _TINY))


def unwhitened(spectrum: npt.NDArray[np.complex128], _step_hz: float) -> npt.NDArray[np.complex128]:
    """Return a spectrum as it is."""
    return spectrum


WHITENINGS = {"prewhitened": prewhitened, "smooth": smoothly_whitened, "plain": unwhitened}


def envelope(
    samples: Curve, rate_hz: float, whitening: str = "prewhitened", band_hz: tuple[float, float] | None = None
) -> Curve:
    """Return the squared envelope of whitened sound in a band, [n].

    Args:
        samples: [n], one channel.
        rate_hz: sample rate.
        whitening: a key of `WHITENINGS`.
        band_hz: band to demodulate; default `LOWEST_HZ` to `HIGHEST_SHARE` of half the rate.
    """
    low, high = band_hz or (min(LOWEST_HZ, rate_hz / 16), HIGHEST_SHARE * rate_hz / 2)
    count = len(samples)
    spectrum = np.fft.rfft(samples - samples.mean())
    step_hz = rate_hz / count
    first, last = int(np.ceil(low / step_hz)), min(int(high / step_hz) + 1, len(spectrum))
    analytic = np.zeros(count, np.complex128)
    analytic[first:last] = WHITENINGS[whitening](spectrum[first:last], step_hz)
    return np.asarray(np.abs(np.fft.ifft(analytic)) ** 2)


def spectrum_of(signal: Curve, rate_hz: float, highest_hz: float) -> Spectrum:
    """Return the power spectrum (Hann window, no averaging) up to a frequency."""
    count = len(signal)
    power = np.abs(np.fft.rfft((signal - signal.mean()) * np.hanning(count))) ** 2
    step_hz = rate_hz / count
    return Spectrum(power[: int(highest_hz / step_hz) + 1], step_hz)
