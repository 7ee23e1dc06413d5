"""Changes of the machine's own sound: parts of it taken away, shifted, modulated or interrupted, and another place.

Each takes the sound and a strength of 0 to 1, at which the change is as large as the constants here say; the change in
decibels, in per cent or in time grows in proportion to the strength.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.signal import fftconvolve, resample

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.simulator.arrays import Curve, Samples
from anomaly.audio.simulator.changes.draws import between, sign, start_samples
from anomaly.audio.simulator.recipe.model import Room
from anomaly.audio.simulator.transfer.room import room_response

_REMOVED_DB, _TILT_DB_PER_OCTAVE = 20.0, 2.0
_SPEED, _PITCH, _COMPONENT_SHIFT, _RESONANCE_DB = 0.08, 0.06, 0.04, 10.0
_FLUTTER, _BEAT_DEPTH = 0.02, 0.9
_STICK, _DROPOUTS_HZ = 0.5, 3.0
# Of sound that is read between its samples; samples of a stretch of constant pitch, and of the fade to the next.
_OVERSAMPLING, _STRETCH, _FADE = 8, SAMPLE_RATE_HZ // 2, SAMPLE_RATE_HZ // 50


def muffled(samples: Samples, strength: float, take: np.random.Generator) -> Curve:
    """Take away everything above a corner, as a cover or dirt on the microphone's side does."""
    corner_hz = take.uniform(1_000, 3_000)
    return _filtered(samples, lambda hz: -_REMOVED_DB * strength * _step(hz / corner_hz))


def missing_band(samples: Samples, strength: float, take: np.random.Generator) -> Curve:
    """Take away an octave."""
    low_hz = between(take, 200, 3_500)
    return _filtered(
        samples, lambda hz: -_REMOVED_DB * strength * _step(hz / low_hz) * _step(2 * low_hz / hz)
    )


def weaker_component(samples: Samples, strength: float, take: np.random.Generator) -> Curve:
    """Take away one of the three strongest third octaves, as of a tooth mesh that carries less load."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE_HZ)
    middles = 200.0 * 2.0 ** (np.arange(15) / 3.0)
    energies = [power[(hz > m / 1.12) & (hz < m * 1.12)].sum() for m in middles]
    middle = float(middles[take.choice(np.argsort(energies)[-3:])])
    return _filtered(
        samples,
        lambda hz: -_REMOVED_DB * strength * _step(hz * 1.12 / middle) * _step(1.12 * middle / hz),
    )


def speed(samples: Samples, strength: float, take: np.random.Generator) -> Curve:
    """Play the sound faster or slower: all frequencies and all rhythms move."""
    return _resampled(samples.astype(np.float64), 1.0 + _drawn(take, _SPEED) * strength, len(samples))


def pitch(samples: Samples, strength: float, take: np.random.Generator) -> Curve:
    """Move all frequencies and keep the rhythm: stretches of half a second are each read faster or slower."""
    ratio = 1.0 + _drawn(take, _PITCH) * strength
    fade = np.sin(0.5 * np.pi * (np.arange(_FADE) + 0.5) / _FADE)
    found = np.zeros(len(samples) + _STRETCH + _FADE)
    sound = samples.astype(np.float64)
    for start in range(0, len(samples), _STRETCH):
        at = start + np.arange(_STRETCH + _FADE) * ratio
        part = _read(sound, np.where(at < len(sound), at, at - _STRETCH))
        part[:_FADE] *= fade if start else 1.0
        part[-_FADE:] *= fade[::-1]
        found[start : start + len(part)] += part
    return found[: len(samples)]


def moved_component(samples: Samples, strength: float, take: np.random.Generator) -> Curve:
    """Move an octave of the sound to other frequencies, as a bearing tone does with the load."""
    low_hz = between(take, 300, 3_000)
    part = samples - _filtered(samples, lambda hz: -60.0 * _step(hz / low_hz) * _step(2 * low_hz / hz))
    shift_hz = sign(take) * _COMPONENT_SHIFT * strength * 1.4 * low_hz
    spectrum = np.fft.fft(part)
    spectrum[len(spectrum) // 2 :] = 0.0
    turning = np.exp(2j * np.pi * shift_hz * np.arange(len(samples)) / SAMPLE_RATE_HZ)
    return np.asarray(samples - part + 2 * np.real(np.fft.ifft(spectrum) * turning))


def moved_resonance(samples: Samples, strength: float, take: np.random.Generator) -> Curve:
    """Move a resonance: less at one frequency, more at a third of an octave above, as with a loose foot."""
    low_hz = between(take, 300, 3_000)

    def gain_db(hz: Curve) -> Curve:
        return _RESONANCE_DB * strength * (_bell(hz / (low_hz * 1.26)) - _bell(hz / low_hz))

    return _filtered(samples, gain_db)


def flutter(samples: Samples, strength: float, take: np.random.Generator) -> Curve:
    """Let the speed swing several times in a second."""
    rate_hz = take.uniform(2.0, 8.0)
    time_s = np.arange(len(samples)) / SAMPLE_RATE_HZ
    delay_s = _FLUTTER * strength / (2 * np.pi * rate_hz) * (1 - np.cos(2 * np.pi * rate_hz * time_s))
    return _read(samples.astype(np.float64), (time_s - delay_s) * SAMPLE_RATE_HZ)


def beating(samples: Samples, strength: float, take: np.random.Generator) -> Curve:
    """Let a band of two octaves swell and fade, as two tones of nearly one frequency do."""
    low_hz, rate_hz = between(take, 200, 2_000), take.uniform(0.7, 5.0)
    part = samples - _filtered(samples, lambda hz: -60.0 * _step(hz / low_hz) * _step(4 * low_hz / hz))
    swell = np.sin(2 * np.pi * rate_hz * np.arange(len(samples)) / SAMPLE_RATE_HZ + take.uniform(0, 6.3))
    return np.asarray(samples + _BEAT_DEPTH * strength * swell * part)


def sticking(samples: Samples, strength: float, take: np.random.Generator) -> Curve:
    """Slow down for a quarter of a second, about once in two seconds, and catch up."""
    rate = np.ones(len(samples))
    for start in start_samples(samples, take, 0.5):
        length = int(0.25 * SAMPLE_RATE_HZ)
        rate[start : start + length] -= _STICK * strength * np.hanning(length)[: len(samples) - start]
    return _read(samples.astype(np.float64), np.cumsum(rate) - 1.0)


def dropouts(samples: Samples, strength: float, take: np.random.Generator) -> Curve:
    """Fall silent for some hundredths of a second, a few times in a second, as a misfire or a loose contact."""
    gain = np.ones(len(samples))
    for start in start_samples(samples, take, _DROPOUTS_HZ * strength):
        length = int(take.uniform(0.03, 0.08) * SAMPLE_RATE_HZ)
        gain[start : start + length] = 0.0
    return np.asarray(samples * np.convolve(gain, np.ones(32) / 32, "same"))


def other_room(samples: Samples, strength: float, take: np.random.Generator) -> Curve:
    """Add the reflections of another room."""
    room = Room(reverb_s=float(take.uniform(0.15, 0.5)), wet_db=0.0, echoes=6)
    response = room_response(room, SAMPLE_RATE_HZ, take)
    response[1:] *= strength
    return np.asarray(fftconvolve(samples.astype(np.float64), response)[: len(samples)])


def moved_microphone(samples: Samples, strength: float, take: np.random.Generator) -> Curve:
    """Tilt the spectrum, and add one reflection of a wall nearby, which makes a comb filter."""
    slope = sign(take) * _TILT_DB_PER_OCTAVE * strength
    tilted = _filtered(samples, lambda hz: slope * np.log2(np.maximum(hz, 60.0) / 1_000.0))
    delay = int(take.uniform(0.0005, 0.004) * SAMPLE_RATE_HZ)
    later = np.concatenate([np.zeros(delay), tilted[: len(tilted) - delay]])
    return np.asarray(tilted + 0.5 * strength * later)


def _filtered(samples: Samples, gain_db: Callable[[Curve], Curve]) -> Curve:
    hz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE_HZ)
    gain: Curve = 10.0 ** (gain_db(np.maximum(hz, 1.0)) / 20.0)
    return np.asarray(np.fft.irfft(np.fft.rfft(samples.astype(np.float64)) * gain, len(samples)))


def _resampled(sound: Curve, ratio: float, length: int) -> Curve:
    """Read sound faster or slower, from its start again where it ends."""
    return _read(sound, (np.arange(length) * ratio) % (len(sound) - 1))


def _read(sound: Curve, positions: npt.NDArray[np.floating]) -> Curve:
    """Read sound at positions between its samples: linear interpolation of the oversampled sound."""
    fine: Curve = resample(sound, _OVERSAMPLING * len(sound))
    return np.asarray(np.interp(positions * _OVERSAMPLING, np.arange(len(fine)), fine))


def _drawn(take: np.random.Generator, largest: float) -> float:
    """Draw a change of either sign, of at least two thirds of the largest."""
    return sign(take) * largest * float(take.uniform(0.67, 1.0))


def _step(ratio: Curve) -> Curve:
    """Rise from 0 below a ratio of one to 1 above it, within a sixth of an octave."""
    return 1.0 / (1.0 + np.asarray(ratio) ** -24.0)


def _bell(ratio: Curve) -> Curve:
    return np.exp(-((np.log2(ratio) / 0.15) ** 2))
