"""The band index is loudness over the machine's own quietest level; its alarm needs three medians in a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomaly.audio.files.write import save_wav
from anomaly.errors import InputError
from anomaly.prognosis.index.band_amplitudes import BANDS, band_amplitudes, recordings_amplitudes
from anomaly.prognosis.index.band_index import (
    above_calm,
    band_index,
    first_alarm,
    index_values,
    loudness,
    running_median,
)

RATE_HZ = 16_000


def noise(scale: float, seed: int, seconds: float = 0.2) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return (scale * np.random.default_rng(seed).normal(size=round(seconds * RATE_HZ))).astype(np.float32)


def test_twice_the_amplitude_is_the_logarithm_of_two_in_every_band() -> None:
    change = band_amplitudes(2 * noise(0.05, 1), RATE_HZ) - band_amplitudes(noise(0.05, 1), RATE_HZ)
    assert change == pytest.approx(np.full(BANDS, np.log(2.0)), abs=1e-6)


def test_a_folder_of_snapshots(tmp_path: Path) -> None:
    for n in range(30):
        scale = 0.02 if n < 20 else 0.1
        save_wav(tmp_path / f"s_{1_775_044_800 + 600 * n}.wav", noise(scale, n), RATE_HZ)
    paths = sorted(tmp_path.iterdir(), reverse=True)
    found = band_index(recordings_amplitudes(paths, tmp_path), "pump")
    assert np.all(np.diff(found.times_s) == 600.0)
    assert found.values[:20] == pytest.approx(np.zeros(20), abs=0.1)
    assert found.values[20:] == pytest.approx(np.full(10, np.log(5.0)), abs=0.1)
    assert first_alarm(found.values, 10) == 22


def test_a_recording_that_is_too_short(tmp_path: Path) -> None:
    save_wav(tmp_path / "s_1775044800.wav", noise(0.02, 0, 0.01), RATE_HZ)
    with pytest.raises(InputError, match="10 ms, 50 ms are needed"):
        recordings_amplitudes(sorted(tmp_path.iterdir()), tmp_path)


def test_rates_of_one_trend_are_the_same(tmp_path: Path) -> None:
    for n, rate_hz in enumerate((RATE_HZ, 8_000)):
        save_wav(tmp_path / f"s_{1_775_044_800 + n}.wav", noise(0.02, 0), rate_hz)
    with pytest.raises(InputError, match="has 8000 Hz, those before it 16000 Hz"):
        recordings_amplitudes(sorted(tmp_path.iterdir()), tmp_path)


def test_a_machine_that_ran_in_is_compared_with_its_quiet_level() -> None:
    values = np.concatenate([np.zeros(60), np.full(60, -0.5), np.full(20, 0.2)])
    assert above_calm(values, 14, 51)[-1] == pytest.approx(0.7)
    assert above_calm(-values, 14, 51)[60] == pytest.approx(0.5)


def test_the_reference_raises_no_alarm() -> None:
    values = np.full(20, 5.0)
    assert first_alarm(values, 10) == 11
    assert first_alarm(np.zeros(20), 10) is None
    assert first_alarm(np.ones(1), 0) is None


def test_a_change_of_one_half_of_the_bands_is_no_alarm_unless_it_is_large() -> None:
    logarithms = np.zeros((30, 16))
    logarithms[20:, :8] = np.log(3.0)
    values = index_values(logarithms, 10)
    assert values[:20] == pytest.approx(np.zeros(20), abs=1e-9)
    assert first_alarm(values, 10) is None
    logarithms[20:, :8] = np.log(9.0)
    assert first_alarm(index_values(logarithms, 10), 10) == 22


def test_loudness_is_relative_to_the_first_recordings() -> None:
    logarithms = np.tile(np.arange(4.0), (12, 1))
    logarithms[10:] += 1.0
    assert loudness(logarithms, 10).tolist() == [0.0] * 10 + [1.0, 1.0]


def test_running_median() -> None:
    assert running_median(np.array([1.0, 9.0, 2.0, 3.0]), 3).tolist() == [1.0, 5.0, 2.0, 3.0]
    assert running_median(np.array([1.0]), 3).tolist() == [1.0]
