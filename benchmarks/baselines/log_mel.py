"""Front end of the DCASE 2020 baseline: librosa's mel spectrogram in dB."""

from __future__ import annotations

import functools
import sys

import librosa
import numpy as np
import numpy.typing as npt

from baselines import Samples

SAMPLE_RATE_HZ = 16_000
N_FFT = 1024
HOP = 512
BANDS = 128

Levels = npt.NDArray[np.float32]


def log_mel(clip: Samples, bands: int = BANDS) -> Levels:
    """Levels of mel bands in dB, shape [frames, bands]: n_fft 1024, hop 512, power 2, centred frames.

    The values of ``librosa.feature.melspectrogram``, which computes its filters again for each clip.
    Source: ``file_to_vector_array`` of github.com/y-kawagu/dcase2020_task2_baseline.
    """
    return in_db(power(clip), bands)


def power(clip: Samples) -> Levels:
    """Power spectrogram, shape [513, frames]."""
    return np.asarray(np.abs(librosa.stft(clip, n_fft=N_FFT, hop_length=HOP)) ** 2)


def in_db(spectrogram: Levels, bands: int) -> Levels:
    """Mel levels in dB, shape [frames, bands], of a power spectrogram [513, frames]."""
    mel = _filters(bands) @ spectrogram
    return np.asarray(10.0 * np.log10(mel + sys.float_info.epsilon), dtype=np.float32).T


@functools.cache
def _filters(bands: int) -> Levels:
    return np.asarray(librosa.filters.mel(sr=SAMPLE_RATE_HZ, n_fft=N_FFT, n_mels=bands), dtype=np.float32)
