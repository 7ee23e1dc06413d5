"""Pseudo-anomalies: normal sound with a component added, amplified, removed or distorted.

They are not faults and need not resemble them: they have to spread over the range that the teacher can detect, from
barely to clearly. The teacher labels them. Two kinds, ``knock`` and ``chirp``, are never trained on; they are for the
validation criterion. Three kinds, ``surged``, ``moved`` and ``doubled``, are made of the machine's own sound at the
wrong time; they measure the gap between teacher and student.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
Maker = Callable[[Samples, np.random.Generator], npt.NDArray[np.floating]]

_RATE_HZ = 16_000
_LEVEL_DB = (-18.0, 4.0)


def pseudo_anomaly(samples: Samples, kind: str, rng: np.random.Generator) -> Samples:
    """Make a pseudo-anomaly of a stretch of normal sound.

    Args:
        samples: [n], float32, 16 kHz, at least half a second.
        kind: a key of `ADDED` or `CHANGED`.
        rng: source of all other choices; an added component is at -18 to +4 dB relative to the sound.
    """
    if kind in CHANGED:
        return _fit(CHANGED[kind](samples, rng), len(samples))
    added = ADDED[kind](samples, rng)
    power = float(np.mean(samples.astype(np.float64) ** 2))
    scale = np.sqrt(power / max(float(np.mean(added**2)), 1e-30)) * 10 ** (rng.uniform(*_LEVEL_DB) / 20)
    disturbed: Samples = (samples + scale * added).astype(np.float32)
    return disturbed


def _fit(sound: npt.NDArray[np.floating], length: int) -> Samples:
    fitted: Samples = np.resize(sound, length).astype(np.float32)
    return fitted


def _time(samples: Samples) -> npt.NDArray[np.float64]:
    return np.arange(len(samples)) / _RATE_HZ


def _band(noise: npt.NDArray[np.float64], low_hz: float, high_hz: float) -> npt.NDArray[np.float64]:
    spectrum = np.fft.rfft(noise)
    frequency = np.fft.rfftfreq(len(noise), 1 / _RATE_HZ)
    spectrum[(frequency < low_hz) | (frequency > high_hz)] = 0
    return np.fft.irfft(spectrum, len(noise))


def _random_band(rng: np.random.Generator) -> tuple[float, float]:
    low = float(np.exp(rng.uniform(np.log(150), np.log(5000))))
    return low, low * float(rng.uniform(1.2, 3.0))


def _tone(samples: Samples, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    base = float(np.exp(rng.uniform(np.log(60), np.log(2500))))
    time = _time(samples)
    orders = range(1, int(rng.integers(2, 8)))
    parts = [
        np.sin(2 * np.pi * base * k * time + rng.uniform(0, 2 * np.pi)) / k for k in orders if base * k < 7800
    ]
    return np.asarray(np.sum(parts, axis=0))


def _hiss(samples: Samples, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    return _band(rng.standard_normal(len(samples)), *_random_band(rng))


def _ringing(
    times_s: npt.NDArray[np.float64], length: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Make impulses at the given times, all ringing at one resonance."""
    impulses = np.zeros(length)
    index = (times_s * _RATE_HZ).astype(int)
    index = index[(index >= 0) & (index < length)]
    np.add.at(impulses, index, rng.uniform(0.5, 1.5, len(index)))
    ring_s = np.arange(800) / _RATE_HZ
    ring = np.exp(-ring_s * rng.uniform(200, 1500)) * np.sin(2 * np.pi * rng.uniform(400, 6500) * ring_s)
    return np.convolve(impulses, ring)[:length]


def _impulses(samples: Samples, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    period = 1 / float(np.exp(rng.uniform(np.log(8), np.log(150))))
    steps = period * (1 + 0.02 * rng.standard_normal(int(len(samples) / _RATE_HZ / period) + 2))
    return _ringing(np.cumsum(steps), len(samples), rng)


def _knock(samples: Samples, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    seconds = len(samples) / _RATE_HZ
    return _ringing(rng.uniform(0, seconds * 0.98, max(1, rng.poisson(1.5 * seconds))), len(samples), rng)


def _rattle(samples: Samples, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    gate = np.sin(2 * np.pi * rng.uniform(1, 14) * _time(samples) + rng.uniform(0, 6)) > rng.uniform(0, 0.8)
    return _hiss(samples, rng) * (gate + 0.02)


def _chirp(samples: Samples, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    time = _time(samples)
    centre, swing, rate = rng.uniform(800, 4500), rng.uniform(50, 600), rng.uniform(0.3, 4)
    gate = np.sin(2 * np.pi * rng.uniform(0.3, 2) * time) > -0.3
    return np.sin(2 * np.pi * centre * time + swing / rate * np.sin(2 * np.pi * rate * time)) * gate


def _modulated(samples: Samples, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    part = _band(samples.astype(np.float64), *_random_band(rng))
    depth, rate = rng.uniform(0.5, 3.0), rng.uniform(1, 14)
    return np.asarray(samples + depth * part * np.sin(2 * np.pi * rate * _time(samples)))


def _equalised(samples: Samples, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    import torch
    from torchaudio.functional import equalizer_biquad

    centre, gain = (
        float(np.exp(rng.uniform(np.log(200), np.log(6500)))),
        float(rng.choice([-1, 1]) * rng.uniform(3, 14)),
    )
    bent = equalizer_biquad(
        torch.from_numpy(samples.copy()), _RATE_HZ, centre, gain, Q=float(rng.uniform(0.7, 4))
    )
    result: npt.NDArray[np.float32] = bent.numpy()
    return result


def _shifted(samples: Samples, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    import librosa

    steps = float(rng.choice([-1, 1]) * rng.uniform(0.5, 3))
    result: npt.NDArray[np.float32] = librosa.effects.pitch_shift(
        samples, sr=_RATE_HZ, n_steps=steps, n_fft=1024, res_type="soxr_mq"
    )
    return result


def _surged(samples: Samples, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Amplify or attenuate a stretch, or one of its bands, as in a stroke that is too hard or missing."""
    length = _stretch(samples, rng)
    first = int(rng.integers(len(samples) - length + 1))
    sound = samples.astype(np.float64)
    part = sound if rng.random() < 0.5 else _band(sound, *_random_band(rng))
    gain = 10 ** (rng.choice([-1, 1]) * rng.uniform(2, 10) / 20) - 1
    made = sound.copy()
    made[first : first + length] += gain * part[first : first + length] * np.sqrt(np.hanning(length))
    return made


def _moved(samples: Samples, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Replace a stretch by a copy of another, faded in and out over 10 ms."""
    length = _stretch(samples, rng)
    source, place = (int(rng.integers(len(samples) - length + 1)) for _ in range(2))
    ramp = np.arange(length)
    share = np.minimum(np.minimum(ramp, ramp[::-1]) / (0.01 * _RATE_HZ), 1.0)
    made = samples.astype(np.float64)
    made[place : place + length] *= 1 - share
    made[place : place + length] += share * samples[source : source + length]
    return made


def _doubled(samples: Samples, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Add an attenuated, delayed copy of the sound."""
    later = np.roll(samples.astype(np.float64), int(rng.uniform(0.03, 1.0) * _RATE_HZ))
    return samples + 10 ** (rng.uniform(-20, 0) / 20) * later


def _stretch(samples: Samples, rng: np.random.Generator) -> int:
    return min(int(rng.uniform(0.04, 0.5) * _RATE_HZ), len(samples))


ADDED: dict[str, Maker] = {
    "tone": _tone,
    "hiss": _hiss,
    "impulses": _impulses,
    "rattle": _rattle,
    "knock": _knock,
    "chirp": _chirp,
}
CHANGED: dict[str, Maker] = {
    "modulated": _modulated,
    "equalised": _equalised,
    "shifted": _shifted,
    "surged": _surged,
    "moved": _moved,
    "doubled": _doubled,
}
TRAINED_KINDS = ("tone", "hiss", "impulses", "rattle", "modulated", "equalised", "shifted")
HELD_OUT_KINDS = ("tone", "hiss", "impulses", "rattle", "modulated", "equalised", "knock", "chirp")
MISTIMED_KINDS = ("surged", "moved", "doubled")
