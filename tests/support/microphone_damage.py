"""Effects of faulty microphones and their electronics on sound."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, istft, sosfilt, stft

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples


def self_noise(level: float, samples: int) -> Samples:
    """Dead capsule: the noise of its preamplifier."""
    return (level * np.random.default_rng(3).standard_normal(samples)).astype(np.float32)


def hum(mains_hz: int, samples: int, level: float = 0.03) -> Samples:
    """Open input: the mains, its odd harmonics, and a little noise."""
    time_s = np.arange(samples) / SAMPLE_RATE_HZ
    lines = [(1, 1.0), (3, 0.4), (5, 0.2), (7, 0.1)]
    wave = sum(a * np.sin(2 * np.pi * mains_hz * k * time_s + k) for k, a in lines)
    return np.asarray(level * wave, np.float32) + self_noise(3e-5, samples)


def narrow_band(sound: Samples, limit_hz: float) -> Samples:
    """Sound after a telephone codec."""
    cut = sosfilt(butter(12, limit_hz, fs=SAMPLE_RATE_HZ, output="sos"), sound)
    return np.asarray(cut, np.float32) + self_noise(1e-5, len(sound))


def automatic_gain(sound: Samples, target_dbfs: float, release_s: float = 3.0) -> Samples:
    """Gain that follows the loudness: down within 0.1 s, up within seconds."""
    out, gain_db = np.empty_like(sound), 0.0
    for start in range(0, len(sound), 160):
        block = sound[start : start + 160]
        level = 10 * np.log10(float(np.mean(block.astype(np.float64) ** 2)) + 1e-12)
        goal_db = float(np.clip(target_dbfs - level, -30, 30))
        gain_db += (goal_db - gain_db) * (1 - np.exp(-0.01 / (0.1 if goal_db < gain_db else release_s)))
        out[start : start + 160] = np.clip(block * 10 ** (gain_db / 20), -1, 1)
    return out


def noise_suppression(sound: Samples, *, strength: float = 3.0, floor_db: float = -30.0) -> Samples:
    """Spectral subtraction that takes steady sound for noise, as conference software does."""
    _, _, spectrum = stft(sound, SAMPLE_RATE_HZ, nperseg=512, noverlap=384)
    power = np.abs(spectrum) ** 2
    smooth, noise = power[:, 0].copy(), power[:, 0].copy()
    least = 10 ** (floor_db / 20)
    for frame in range(power.shape[1]):
        smooth = 0.9 * smooth + 0.1 * power[:, frame]
        noise = np.where(smooth < noise, 0.7 * noise + 0.3 * smooth, noise * 1.003)
        kept = np.maximum(1 - strength * noise / np.maximum(power[:, frame], 1e-20), least**2)
        spectrum[:, frame] *= np.sqrt(kept)
    return np.asarray(istft(spectrum, SAMPLE_RATE_HZ, nperseg=512, noverlap=384)[1][: len(sound)], np.float32)
