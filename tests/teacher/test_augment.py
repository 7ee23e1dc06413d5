"""Augmentation varies gain, noise and speed within their ranges."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torchaudio

from anomaly.teacher import augment as module
from anomaly.teacher.augment import Samples, augment

SOUND = (0.1 * np.sin(2 * np.pi * 1000 * np.arange(48_000) / 16_000)).astype(np.float32)


def once(samples: Samples, seed: int) -> Samples:
    return augment(samples, np.random.default_rng(seed))


def rms_db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2)))


def test_the_same_generator_gives_the_same_samples() -> None:
    assert once(SOUND, 3).tobytes() == once(SOUND, 3).tobytes()
    assert once(SOUND, 3).tobytes() != once(SOUND, 4).tobytes()


@pytest.mark.parametrize("seed", range(8))
def test_a_variation_is_within_the_ranges(seed: int) -> None:
    varied = once(SOUND, seed)
    assert varied.dtype == np.float32
    assert abs(len(varied) / len(SOUND) - 1) <= 0.021
    # Gain within 1.5 dB; noise 25 dB below adds next to nothing.
    assert abs(rms_db(varied) - rms_db(SOUND)) <= 1.6
    spectrum = np.abs(np.fft.rfft(varied * np.hanning(len(varied)))) ** 2
    frequency = np.fft.rfftfreq(len(varied), 1 / 16_000)
    peak_hz = float(frequency[spectrum.argmax()])
    assert abs(peak_hz - 1000) <= 21
    far = np.abs(frequency - peak_hz) > 50
    noise_db = 10 * np.log10(spectrum[far].sum() / spectrum[~far].sum())
    assert -41 < noise_db < -24


@pytest.mark.parametrize("percent", [-2, -1, 1, 2])
def test_speed_changes_pitch_and_length(percent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SPEED_PERCENT", (percent,))
    varied = once(SOUND, 0)
    assert len(varied) == pytest.approx(len(SOUND) / (1 + percent / 100), abs=1)
    spectrum = np.abs(np.fft.rfft(varied * np.hanning(len(varied))))
    peak_hz = float(np.fft.rfftfreq(len(varied), 1 / 16_000)[spectrum.argmax()])
    assert peak_hz == pytest.approx(1000 * (1 + percent / 100), abs=0.5)


def test_the_resampling_kernel_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its kernel grows with both numbers of the ratio: 16000 to 15841 took gigabytes and half a minute."""
    resample, ratios = torchaudio.functional.resample, []

    def spy(sound: torch.Tensor, before: int, after: int) -> torch.Tensor:
        ratios.append((before // math.gcd(before, after), after // math.gcd(before, after)))
        changed: torch.Tensor = resample(sound, before, after)
        return changed

    monkeypatch.setattr(torchaudio.functional, "resample", spy)
    for seed in range(12):
        once(SOUND, seed)
    assert len(set(ratios)) == 4
    assert max(max(pair) for pair in ratios) <= 102


def test_silence_stays_finite() -> None:
    assert np.isfinite(once(np.zeros(16_000, np.float32), 0)).all()
