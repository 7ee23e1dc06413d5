"""From the machine to the file: early reflections, reverberation and the microphone."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from anomaly.audio.simulator.arrays import Curve, Samples
from anomaly.audio.simulator.recipe import MicrophoneModel, Room
from anomaly.audio.simulator.resonance import minimum_phase

_FIRST_ECHO_S = 0.002
_MIC_TAPS_S = 0.04


def room_answer(room: Room, sample_rate_hz: int, machine: np.random.Generator) -> Curve:
    """Direct sound of strength 1, then reflections that grow denser and die away by 60 dB in ``reverb_s``.

    Walls swallow high notes first: the tail loses them as it goes.
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
        place = min(int(time_s * sample_rate_hz), length - 1)
        tail[place] += strength * 6.0 * decay[place]
    energy = float(np.sum(tail**2))
    answer = tail * np.sqrt(10.0 ** (room.wet_db / 10.0) / max(energy, 1e-12))
    answer[0] = 1.0
    return np.asarray(answer, dtype=np.float64)


def microphone_answer(mic: MicrophoneModel, sample_rate_hz: int, machine: np.random.Generator) -> Curve:
    """The microphone's response: second-order edges at both ends and a ripple of its own between them."""
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
    """The microphone's own noise at RMS 1: white, with a little more at low frequencies [samples]."""
    white = take.standard_normal(samples, dtype=np.float32)
    coloured = lfilter(np.array([1.0, -0.6], np.float32), np.array([1.0, -0.8], np.float32), white)
    # Σ h² of (1 - 0.6 z⁻¹)/(1 - 0.8 z⁻¹) is 1 + 0.2²/(1 - 0.8²).
    return np.asarray(coloured / np.sqrt(1.0 + 0.04 / 0.36), dtype=np.float32)
