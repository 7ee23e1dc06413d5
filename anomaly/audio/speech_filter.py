"""Speech filter: makes speech near a machine unintelligible and keeps the machine's long-term spectrum.

Intelligibility depends on the changes of the spectrum between about 4 and 16 Hz: speech whose envelopes are smoothed
below about 2 Hz cannot be understood, in any number of bands (R. Drullman, J. M. Festen and R. Plomp, "Effect of
temporal envelope smearing on speech reception", JASA 95, 1994). So above ``_VOICE_FROM_HZ`` each frequency keeps only
its energy averaged over more than a second; its phase is random, because phases alone can carry speech. Below, where no
voice has its fundamental, the sound is not changed.

Limits: knocks and rattles shorter than a second are smoothed, too; the presence of a speaker, and the pitch of the
voice, may still be visible in a spectrogram, and a shout as a higher level.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples

_WINDOW = 1024
_HOP = 256
# Lower end of the fundamental frequency of speech.
_VOICE_FROM_HZ = 80.0
# Standard deviation of the Gaussian smoothing: envelopes above 0.5 Hz lose more than 20 dB.
_SMOOTH_S = 0.7
_BIN_FROM = int(np.ceil(_VOICE_FROM_HZ * _WINDOW / SAMPLE_RATE_HZ))


def obfuscate_speech(samples: Samples, seed: int | None = None) -> Samples:
    """Make speech in a sound unintelligible.

    Args:
        samples: float32 [n], 16 kHz.
        seed: of the phases; default: a new one each time, so that the change cannot be undone.

    Returns:
        float32 [n], with the long-term spectrum of ``samples``.
    """
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    padded = np.pad(
        np.asarray(samples, dtype=np.float32),
        _WINDOW,
        mode="reflect" if len(samples) > _WINDOW else "constant",
    )
    padded = np.pad(padded, (0, -len(padded) % _HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    spectrum = np.fft.rfft(frames * window, axis=1)
    spectrum[:, _BIN_FROM:] = _smoothed(spectrum[:, _BIN_FROM:], np.random.default_rng(seed))
    result = _overlap_add(np.fft.irfft(spectrum, _WINDOW, axis=1), window, len(padded))
    return result[_WINDOW : _WINDOW + len(samples)].clip(-1.0, 1.0).astype(np.float32)


def _smoothed(spectrum: npt.NDArray[np.complex128], rng: np.random.Generator) -> npt.NDArray[np.complex128]:
    """Average the energies over time, and replace the phases by those of noise."""
    energy = (spectrum.real**2 + spectrum.imag**2).astype(np.float64)
    smooth = _gaussian_mean(energy, _SMOOTH_S * SAMPLE_RATE_HZ / _HOP)
    # Phases of one noise signal, not independent ones per frame: overlapping frames would cancel each other in part.
    noise = rng.standard_normal(_WINDOW + _HOP * (len(spectrum) - 1))
    window = np.hanning(_WINDOW + 1)[:-1]
    frames = np.lib.stride_tricks.sliding_window_view(noise, _WINDOW)[::_HOP]
    carrier = np.fft.rfft(frames * window, axis=1)[:, _BIN_FROM:]
    return carrier * np.sqrt(smooth / float(np.sum(window**2)))


def _gaussian_mean(energy: npt.NDArray[np.float64], deviation: float) -> npt.NDArray[np.float64]:
    """Compute a Gaussian mean along the first axis, ``deviation`` in frames; the ends are continued by their values."""
    reach = int(4 * deviation)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    padded = np.pad(energy, ((reach, reach), (0, 0)), "edge")
    length = fft.next_fast_len(len(padded) + 2 * reach)
    transfer = fft.rfft(kernel / kernel.sum(), length)[:, None]
    result = fft.irfft(fft.rfft(padded, length, axis=0) * transfer, length, axis=0)
    # Rounding of the transform may leave a tiny negative energy.
    return np.maximum(result[2 * reach : 2 * reach + len(energy)], 0.0)


def _overlap_add(frames: npt.NDArray[np.float64], window: Samples, length: int) -> npt.NDArray[np.float64]:
    """Window the frames once more, add them up, and divide by the sum of the squared windows."""
    total, weight = np.zeros(length), np.zeros(length)
    for index, frame in enumerate(frames):
        span = slice(index * _HOP, index * _HOP + _WINDOW)
        total[span] += frame * window
        weight[span] += window**2
    return total / np.maximum(weight, 1e-3)
