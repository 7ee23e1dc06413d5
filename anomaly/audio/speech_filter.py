"""Sound without its words: the colour of a machine stays, what people say near it does not.

Words live in how the spectrum changes from a tenth to a hundredth of a second: speech whose envelopes are
smoothed below about 2 Hz cannot be understood (Drullman, Festen and Plomp, JASA 95, 1994), in any number of
bands. So above ``_VOICE_FROM_HZ`` each frequency keeps only its energy averaged over more than a second, and its
phase is drawn anew, because phases alone can carry words. Below, where no voice has its tone, the sound stays.

What it costs, and what it does not promise: knocks and rattles faster than a second are blurred; that somebody
spoke, and how high the voice was, may still be seen; a shout stands out as loudness.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples

_WINDOW = 1024
_HOP = 256
# The lowest voices speak at 80 Hz and more.
_VOICE_FROM_HZ = 80.0
# Standard deviation of the smoothing: envelopes above 0.5 Hz lose more than 20 dB.
_SMOOTH_S = 0.7
_BIN_FROM = int(np.ceil(_VOICE_FROM_HZ * _WINDOW / SAMPLE_RATE_HZ))


def without_words(samples: Samples, seed: int | None = None) -> Samples:
    """Make sound in which nothing that was said can be understood.

    Args:
        samples: float32 [n], 16 kHz.
        seed: of the phases; default: another one each time, so that they cannot be taken back.

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
    spectrum[:, _BIN_FROM:] = _blurred(spectrum[:, _BIN_FROM:], np.random.default_rng(seed))
    result = _overlapped(np.fft.irfft(spectrum, _WINDOW, axis=1), window, len(padded))
    return result[_WINDOW : _WINDOW + len(samples)].clip(-1.0, 1.0).astype(np.float32)


def _blurred(spectrum: npt.NDArray[np.complex128], rng: np.random.Generator) -> npt.NDArray[np.complex128]:
    """Energies averaged over time, with phases of their own."""
    energy = (spectrum.real**2 + spectrum.imag**2).astype(np.float64)
    smooth = _smooth(energy, _SMOOTH_S * SAMPLE_RATE_HZ / _HOP)
    # Phases of real noise, not one drawn per frame: frames overlap, and would else cancel each other in part.
    noise = rng.standard_normal(_WINDOW + _HOP * (len(spectrum) - 1))
    window = np.hanning(_WINDOW + 1)[:-1]
    frames = np.lib.stride_tricks.sliding_window_view(noise, _WINDOW)[::_HOP]
    carrier = np.fft.rfft(frames * window, axis=1)[:, _BIN_FROM:]
    return carrier * np.sqrt(smooth / float(np.sum(window**2)))


def _smooth(energy: npt.NDArray[np.float64], deviation: float) -> npt.NDArray[np.float64]:
    """A Gaussian mean along the first axis, ``deviation`` in frames; what lies beyond the ends is like the ends."""
    reach = int(4 * deviation)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    padded = np.pad(energy, ((reach, reach), (0, 0)), "edge")
    length = fft.next_fast_len(len(padded) + 2 * reach)
    transfer = fft.rfft(kernel / kernel.sum(), length)[:, None]
    result = fft.irfft(fft.rfft(padded, length, axis=0) * transfer, length, axis=0)
    # Rounding of the transform may leave a tiny negative energy.
    return np.maximum(result[2 * reach : 2 * reach + len(energy)], 0.0)


def _overlapped(frames: npt.NDArray[np.float64], window: Samples, length: int) -> npt.NDArray[np.float64]:
    """Frames added up where they overlap, windowed once more and divided by what the windows add up to."""
    total, weight = np.zeros(length), np.zeros(length)
    for index, frame in enumerate(frames):
        at = slice(index * _HOP, index * _HOP + _WINDOW)
        total[at] += frame * window
        weight[at] += window**2
    return total / np.maximum(weight, 1e-3)
