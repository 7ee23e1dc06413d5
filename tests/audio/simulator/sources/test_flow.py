"""Modulation of flow, friction and bubbles by vanes and windows of the turn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from anomaly.audio.simulator import simulate


def power(sound: NDArray[np.float32], low: float, high: float) -> NDArray[np.float64]:
    band = sosfiltfilt(butter(3, [low, high], "bandpass", fs=16_000, output="sos"), sound.astype(np.float64))
    return np.asarray(band**2, dtype=np.float64)


def test_vanes_modulate_cavitation() -> None:
    sound = simulate("pump", seconds=16.0, seed=2, fault="cavitation", severity=1.0)
    spectrum = np.abs(np.fft.rfft(power(sound.fault_samples, 3_000.0, 7_000.0)))
    vanes_hz = 6.0 * sound.states[0][2] / 60.0
    near = spectrum[int(vanes_hz * 0.99 * 16) : int(vanes_hz * 1.01 * 16)]
    around = spectrum[int(vanes_hz * 0.8 * 16) : int(vanes_hz * 1.2 * 16)]
    assert near.max() > 5.0 * np.median(around)


def test_a_leaking_valve_is_loud_while_it_is_closed() -> None:
    sound = simulate("valve", seconds=30.0, seed=2, fault="leak", severity=1.0)
    cycle = round(60.0 / sound.states[0][2] * 16_000)
    healthy = power(sound.normal_samples, 500.0, 3_000.0)
    leaking = power(sound.fault_samples, 3_000.0, 7_000.0)
    blocks = len(healthy) // 800
    flowing = healthy[: blocks * 800].reshape(blocks, 800).mean(axis=1)
    hissing = leaking[: blocks * 800].reshape(blocks, 800).mean(axis=1)
    assert cycle > 16_000
    assert np.corrcoef(np.log(flowing), np.log(hissing))[0, 1] < -0.5


def test_turbulence_grows_steeply_with_speed() -> None:
    levels = [
        np.log10(power(simulate("fan", seconds=5.0, seed=2, speed=s).normal_samples, 200.0, 1_000.0).mean())
        for s in ("low", "high")
    ]
    exponent = (levels[1] - levels[0]) / (2.0 * np.log10(1150.0 / 690.0))
    # Air to the power 2.7, belt, bearings and hum less than that.
    assert 1.4 < exponent < 3.2


def test_a_surge_is_slow() -> None:
    calm = simulate("fan", seconds=20.0, seed=2)
    surge = simulate("fan", seconds=20.0, seed=2, fault="clogging", severity=1.0).fault_samples
    swing = [x[:320_000].reshape(-1, 1_600).std(axis=1) for x in (calm.normal_samples, surge)]
    assert swing[1].std() / swing[1].mean() > 3.0 * swing[0].std() / swing[0].mean()
