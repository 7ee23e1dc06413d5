"""Room and microphone: early reflections, reverberation, frequency response and self-noise."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from anomaly.audio.simulator.arrays import Curve, Samples
from anomaly.audio.simulator.recipe.model import MicrophoneModel, Room
from anomaly.audio.simulator.transfer.resonance import minimum_phase

_FIRST_ECHO_S = 0.002
_MIC_TAPS_S = 0.04


def room_response(room: Room, sample_rate_hz: int, machine: np.random.Generator) -> Curve:
    """Compute the impulse response of a room [taps]: direct sound of amplitude 1, early reflections, reverberation.

    The reverberation is noise that decays by 60 dB in ``reverb_s`` (J. A. Moorer, "About this reverberation business",
    1979), low-pass filtered, since walls absorb high frequencies more than low ones.
    """
    length = int(room.reverb_s * sample_rate_hz)
    decay = 10.0 ** (-3.0 * np.arange(length) / max(length, 1))
    tail = machine.standard_normal(length) * decay
    tail = lfilter([0.6], [1.0, -0.4], tail)
    start = int(_FIRST_ECHO_S * sample_rate_hz)
    tail[: 5 * start] *= np.linspace(0.0, 1.0, len(tail[: 5 * start])) ** 2
    times = np.sort(machine.uniform(_FIRST_ECHO_S, 0.5 * room.reverb_s + _FIRST_ECHO_S, room.echoes))
    strengths = machine.uniform(0.3, 1.0, room.echoes) * machine.choice([-1.0, 1.0], room.echoes)
    for time_s, strength in zip(times, strengths, strict=True):
        index = min(int(time_s * sample_rate_hz), length - 1)
        tail[index] += strength * 6.0 * decay[index]
    energy = float(np.sum(tail**2))
    response = tail * np.sqrt(10.0 ** (room.wet_db / 10.0) / max(energy, 1e-12))
    response[0] = 1.0
    return np.asarray(response, dtype=np.float64)


def microphone_response(mic: MicrophoneModel, sample_rate_hz: int, machine: np.random.Generator) -> Curve:
    """Compute the impulse response of a microphone [taps]: second-order roll-off at both ends, and random ripple."""
    frequency = np.linspace(0.0, sample_rate_hz / 2.0, 8193)
    safe = np.maximum(frequency, 1e-3)
    level = 1.0 / np.sqrt(1.0 + (mic.low_hz / safe) ** 4) / np.sqrt(1.0 + (safe / mic.high_hz) ** 4)
    octave = np.log2(np.maximum(frequency, 20.0) / 20.0)
    ripple_db = np.zeros_like(octave)
    for waves in (0.31, 0.53, 0.97):
        ripple_db += machine.standard_normal() * np.cos(2.0 * np.pi * (waves * octave + machine.uniform()))
    ripple_db *= mic.ripple_db / max(float(ripple_db.std()), 1e-9)
    return minimum_phase(level * 10.0 ** (ripple_db / 20.0), int(_MIC_TAPS_S * sample_rate_hz))


def self_noise(samples: int, take: np.random.Generator) -> Samples:
    """Generate the self-noise of a microphone at RMS 1 [samples]: white, with a little more at low frequencies."""
    white = take.standard_normal(samples, dtype=np.float32)
    coloured = lfilter(np.array([1.0, -0.6], np.float32), np.array([1.0, -0.8], np.float32), white)
    # Σ h² of (1 - 0.6 z⁻¹)/(1 - 0.8 z⁻¹) is 1 + 0.2²/(1 - 0.8²).
    return np.asarray(coloured / np.sqrt(1.0 + 0.04 / 0.36), dtype=np.float32)
