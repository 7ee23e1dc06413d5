"""Mel spectra: one implementation for training and streaming, equal to the last bit.

A frame is ``N_FFT`` samples, periodic Hann, power spectrum, Slaney mel bands with Slaney
(constant-area) normalisation, no centring. The definitions are those of
``librosa.feature.melspectrogram(center=False, power=2.0)``, which is the oracle in the tests.

Frames always go through the FFT in full groups of ``_LANES``, padded with zeros: the vector code
and the remainder code of an FFT library may round differently, and a frame must have the same bits alone
and among a thousand others.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from scipy import fft, sparse

Samples = npt.NDArray[np.float32]
Power = npt.NDArray[np.float32]
Centibels = npt.NDArray[np.int32]

SAMPLE_RATE_HZ = 16_000
N_FFT = 1024
HOP = 512
N_MELS = 128
HOP_S = HOP / SAMPLE_RATE_HZ
# A band power of -120 dB, about 150 dB below a full-scale sine's: white noise of -134 dBFS reaches it. It lies
# under the self-noise of any microphone, and above what float32 leaves beside a full-scale tone.
FLOOR = np.float32(1e-12)
_LANES = 16


def hz_to_mel(frequency_hz: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Convert to Slaney's mel scale: linear to 1 kHz (200/3 Hz a mel), logarithmic above (Auditory Toolbox, 1998)."""
    hz = np.asarray(frequency_hz, dtype=np.float64)
    log_step = np.log(6.4) / 27.0
    return np.where(hz < 1000.0, hz * 3.0 / 200.0, 15.0 + np.log(np.maximum(hz, 1e-9) / 1000.0) / log_step)


def mel_to_hz(mel: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Convert mels to hertz, the inverse of `hz_to_mel`."""
    mels = np.asarray(mel, dtype=np.float64)
    log_step = np.log(6.4) / 27.0
    return np.where(mels < 15.0, mels * 200.0 / 3.0, 1000.0 * np.exp(log_step * (mels - 15.0)))


def band_edges_hz(n_mels: int = N_MELS) -> npt.NDArray[np.float64]:
    """Return the ``n_mels + 2`` corner frequencies of the triangles, from 0 to half the sample rate."""
    return mel_to_hz(np.linspace(0.0, float(hz_to_mel(SAMPLE_RATE_HZ / 2)), n_mels + 2))


@functools.cache
def mel_matrix(n_mels: int = N_MELS) -> sparse.csr_array:
    """Return the triangular filters, shape [n_mels, N_FFT // 2 + 1], float32, Slaney norm (2 / bandwidth)."""
    edges = band_edges_hz(n_mels)
    bins = np.arange(N_FFT // 2 + 1) * (SAMPLE_RATE_HZ / N_FFT)
    lower, centre, upper = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.maximum(
        0.0, np.minimum((bins - lower) / (centre - lower), (upper - bins) / (upper - centre))
    )
    return sparse.csr_array((triangles * (2.0 / (upper - lower))).astype(np.float32))


@functools.cache
def mel_window() -> Samples:
    """Return the periodic Hann window of a frame."""
    return (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)


def n_frames(n_samples: int) -> int:
    """Return the number of whole frames in ``n_samples`` samples."""
    return max(0, (n_samples - N_FFT) // HOP + 1)


def mel_power(samples: Samples) -> Power:
    """Return the mel power of every whole frame.

    Args:
        samples: mono sound, shape [n], float32, 16 kHz.

    Returns:
        Shape [n_frames(n), N_MELS], float32; frame ``i`` covers samples ``HOP * i`` to
        ``HOP * i + N_FFT - 1``.
    """
    count = n_frames(len(samples))
    if count == 0:
        return np.empty((0, N_MELS), dtype=np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(np.ascontiguousarray(samples, dtype=np.float32), N_FFT)[
        ::HOP
    ]
    power = np.empty((count, N_MELS), dtype=np.float32)
    block = np.zeros((_LANES, N_FFT), dtype=np.float32)
    for start in range(0, count, _LANES):
        stop = min(start + _LANES, count)
        np.multiply(frames[start:stop], mel_window(), out=block[: stop - start])
        block[stop - start :] = 0.0
        power[start:stop] = _block_power(block)[: stop - start]
    return power


def _block_power(block: Samples) -> Power:
    spectrum = fft.rfft(block, axis=1)
    energy = spectrum.real * spectrum.real + spectrum.imag * spectrum.imag
    return np.asarray((mel_matrix() @ energy.T).T, dtype=np.float32)


def pool(power: Power, bands: int) -> Centibels:
    """Average neighbouring mel bands and round their level to hundredths of a decibel.

    All later steps on the way to the chip are integer, so that a score does not depend on the processor.

    Args:
        power: mel power, shape [frames, N_MELS].
        bands: how many bands to keep; divides `N_MELS`.

    Returns:
        ``round(1000 * log10(mean power + FLOOR))``, shape [frames, bands], int32: 100 is one decibel.
    """
    grouped = power.reshape(len(power), bands, N_MELS // bands)
    # Summed column by column: the order of a reduction over an axis may depend on the shape.
    total = grouped[:, :, 0].copy()
    for column in range(1, grouped.shape[2]):
        total += grouped[:, :, column]
    mean = total * np.float32(bands / N_MELS) + FLOOR
    # float64 logarithms round the same way on every libm we know of once rounded to 1/100 dB.
    return np.rint(1000.0 * np.log10(mean.astype(np.float64))).astype(np.int32)


def pooled_edges_hz(bands: int) -> npt.NDArray[np.float64]:
    """Return the ``bands + 1`` edges of pooled bands, for texts and pictures."""
    step = N_MELS // bands
    edges = band_edges_hz()
    inner = [0.5 * (edges[step * i] + edges[step * i + 1]) for i in range(1, bands)]
    return np.array([0.0, *inner, SAMPLE_RATE_HZ / 2])


class MelStream:
    """Mel spectra of a stream that arrives in blocks of any size.

    Example:
        >>> import numpy as np
        >>> sound = np.random.default_rng(0).standard_normal(5000).astype(np.float32)
        >>> stream = MelStream()
        >>> parts = [stream.push(sound[i : i + 7]) for i in range(0, 5000, 7)]
        >>> bool((np.concatenate(parts) == mel_power(sound)).all())
        True
    """

    def __init__(self) -> None:
        self._left = np.empty(0, dtype=np.float32)

    def push(self, samples: Samples) -> Power:
        """Add samples [n], return the frames that they complete, [m, N_MELS]."""
        joined = np.concatenate([self._left, np.asarray(samples, dtype=np.float32)])
        count = n_frames(len(joined))
        self._left = joined[count * HOP :].copy()
        return mel_power(joined[: (count - 1) * HOP + N_FFT] if count else joined[:0])

    def reset(self) -> None:
        """Discard the samples of an incomplete frame."""
        self._left = np.empty(0, dtype=np.float32)
