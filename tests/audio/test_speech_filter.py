"""Speech filter: the modulation that carries speech is removed, the long-term spectrum is kept."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.audio.speech_filter import obfuscate_speech

SECONDS = 12


def speech_like(seed: int = 0) -> Samples:
    """Speech-like sound: a glottal pulse train through moving formants, in syllables at 4 Hz."""
    rng = np.random.default_rng(seed)
    t = np.arange(SECONDS * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.7 * t)
    source = signal.sawtooth(2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE_HZ) + 0.2 * rng.standard_normal(
        len(t)
    )
    voice = np.zeros(len(t))
    for number, low in enumerate((500, 1400, 2600)):
        sos = signal.butter(2, (0.8 * low, 1.2 * low), "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
        opening = np.clip(np.sin(2 * np.pi * 4 * t + number), 0, None)
        voice += opening * signal.sosfilt(sos, source)
    return (0.2 * voice / np.abs(voice).max()).astype(np.float32)


def envelopes(samples: Samples) -> npt.NDArray[np.float64]:
    """Envelopes of 16 bands from 100 Hz to 7 kHz, at 100 Hz."""
    edges = np.geomspace(100, 7000, 17)
    found = []
    for low, high in itertools.pairwise(edges):
        sos = signal.butter(3, (low, high), "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
        energy = signal.sosfilt(sos, samples) ** 2
        found.append(energy.reshape(-1, SAMPLE_RATE_HZ // 100).mean(axis=1))
    return np.sqrt(np.array(found))


def syllables(samples: Samples) -> float:
    """Power of the envelopes at the rate of syllables (3 to 5 Hz), relative to their mean."""
    bands = envelopes(samples)
    spectrum = np.abs(np.fft.rfft((bands / bands.mean(axis=1, keepdims=True)) - 1, axis=1)) ** 2
    pace = np.fft.rfftfreq(bands.shape[1], 0.01)
    return float(spectrum[:, (pace > 3.8) & (pace < 4.2)].sum(axis=1).mean())


def test_modulation_at_the_rate_of_syllables_is_removed() -> None:
    before = speech_like()
    after = obfuscate_speech(before, seed=1)
    # 15 dB and more; what is left is the ripple of any noise of this length.
    assert syllables(after) < syllables(before) / 30
    noise = np.random.default_rng(3).standard_normal(len(before)).astype(np.float32)
    assert syllables(after) < 4 * syllables(noise)


def test_envelopes_of_speech_cannot_be_recovered() -> None:
    before = speech_like()
    after = obfuscate_speech(before, seed=1)
    pairs = zip(envelopes(before), envelopes(after), strict=True)
    likeness = [abs(np.corrcoef(one, other)[0, 1]) for one, other in pairs]
    assert max(likeness) < 0.35
    assert float(np.median(likeness)) < 0.1


def test_phases_are_replaced() -> None:
    before = speech_like()
    high = signal.butter(4, 200, "highpass", fs=SAMPLE_RATE_HZ, output="sos")
    one, other = (signal.sosfilt(high, x) for x in (before, obfuscate_speech(before, seed=1)))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05


@pytest.mark.parametrize("seconds", [1.0, 3.3, 12.0])
def test_the_spectrum_of_a_machine_is_kept(seconds: float) -> None:
    rng = np.random.default_rng(5)
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    machine = (0.02 * rng.standard_normal(len(t)) + 0.05 * np.sin(2 * np.pi * 1000 * t)).astype(np.float32)
    after = obfuscate_speech(machine, seed=2)
    assert after.shape == machine.shape
    assert after.dtype == np.float32
    (_, before_power), (_, after_power) = (
        signal.welch(x, SAMPLE_RATE_HZ, nperseg=1024) for x in (machine, after)
    )
    groups = [p[:512].reshape(16, -1).sum(axis=1) for p in (before_power, after_power)]
    assert np.abs(10 * np.log10(groups[1] / groups[0])).max() < 3.0


def test_a_tone_below_voices_is_kept() -> None:
    t = np.arange(4 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    hum = (0.1 * np.sin(2 * np.pi * 25 * t)).astype(np.float32)
    after = obfuscate_speech(hum, seed=1)
    assert np.corrcoef(hum, after)[0, 1] > 0.95


def test_without_a_seed_the_phases_differ_each_time() -> None:
    sound = speech_like()[:SAMPLE_RATE_HZ]
    assert not np.array_equal(obfuscate_speech(sound), obfuscate_speech(sound))
    assert np.array_equal(obfuscate_speech(sound, seed=1), obfuscate_speech(sound, seed=1))


@pytest.mark.parametrize("count", [0, 1, 1000, 1025])
def test_short_sound(count: int) -> None:
    assert obfuscate_speech(np.zeros(count, np.float32)).shape == (count,)
