"""Sound of normal and failing machines through microphones that changed: the cases of the silence benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfilt

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.audio.resample import resample

LEVELS_DB = (0, -1, -3, -5, -6, -8, -10, -12, -16, -20, -25, -30, -40, -50, -60)
NORMAL_LEVELS_DB = (0, 1, 2, 3, -1, -2, -3)
NEAR_LEVELS = frozenset(f"{level} dB" for level in LEVELS_DB if level and abs(level) <= 3)
# Quantisation to 16 bits, as most sound cards and files have it.
_STEP_16_BIT = 2.0**-15


@dataclass(frozen=True, eq=False)
class SilenceCase:
    """One condition of the microphone for the benchmark of silence.

    Args:
        name: of the condition.
        sound: float32 [n], 16 kHz.
        fault: of the machine; None for normal sound.
        severity: of the fault.
        expected: sensor statuses that name the condition; empty where nothing is wrong with the microphone.
    """

    name: str
    sound: Samples
    fault: str | None
    severity: float
    expected: frozenset[str]


def conditions(sound: Samples, seed: int) -> Iterator[tuple[str, Samples, frozenset[str]]]:
    """Yield the sound through each condition of the microphone, with the statuses that name it."""
    for level in LEVELS_DB:
        yield f"{level} dB", quantised(sound * 10 ** (level / 20)), _names_of_level(level)
    yield "48 kHz", resample(_upsampled(sound, 3), 3 * SAMPLE_RATE_HZ), frozenset()
    yield "8 kHz copy", _narrow(sound), frozenset({"band-limit"})
    yield "dead channel", quantised(0.5 * sound), _names_of_level(-6)
    yield "hum", _hum(len(sound), seed), frozenset({"hum"})


def quantised(sound: Samples) -> Samples:
    """Round sound to 16 bits."""
    rounded: Samples = (np.rint(sound / _STEP_16_BIT) * _STEP_16_BIT).astype(np.float32)
    return rounded


def _names_of_level(level_db: int) -> frozenset[str]:
    """Return how a microphone that lost so much level may be named; below 6 dB no name is expected."""
    if level_db > -6:
        return frozenset()
    return frozenset({"gain", "low-level", "unlearned-stop"} | ({"silent"} if level_db <= -50 else set()))


def _upsampled(sound: Samples, factor: int) -> Samples:
    """Return the sound at a multiple of its rate, by zeros in the spectrum."""
    spectrum = np.fft.rfft(sound)
    wide = np.zeros(factor * len(sound) // 2 + 1, spectrum.dtype)
    wide[: len(spectrum)] = spectrum * factor
    upsampled: Samples = np.fft.irfft(wide, factor * len(sound)).astype(np.float32)
    return upsampled


def _narrow(sound: Samples) -> Samples:
    """Return the sound of a copy at 8 kHz, as telephone codecs and old recorders make it."""
    cut = sosfilt(butter(12, 3_700, fs=SAMPLE_RATE_HZ, output="sos"), sound)
    return quantised(np.asarray(cut, np.float32))


def _hum(samples: int, seed: int) -> Samples:
    """Return the sound of an open input: harmonics of the mains and a little noise."""
    time_s = np.arange(samples) / SAMPLE_RATE_HZ
    lines = [(1, 1.0), (3, 0.4), (5, 0.2), (7, 0.1)]
    wave = sum(0.03 * a * np.sin(2 * np.pi * 50 * k * time_s + k) for k, a in lines)
    noise = 3e-5 * np.random.default_rng(seed).standard_normal(samples)
    return quantised((wave + noise).astype(np.float32))
