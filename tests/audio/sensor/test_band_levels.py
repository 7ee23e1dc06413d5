"""Band levels are relative to a full-scale sine; hum is the share of the mains and its harmonics."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.sensor.band_levels import BANDS, FLOOR_DB, band_levels, edges_hz, hum_share

TIME_S = np.arange(16_000) / 16_000


@pytest.mark.parametrize("frequency_hz", [100, 430, 1_550, 5_200])
def test_a_sine_has_its_level_in_its_band(frequency_hz: float) -> None:
    levels = band_levels((0.1 * np.sin(2 * np.pi * frequency_hz * TIME_S)).astype(np.float32))
    band = int(np.searchsorted(edges_hz(), frequency_hz, side="right")) - 1
    assert int(np.argmax(levels.mean)) == band
    assert levels.mean[band] == pytest.approx(-20.0, abs=1.0)


def test_silence_is_at_the_floor_and_steady_sound_does_not_flutter() -> None:
    silence = band_levels(np.zeros(16_000, np.float32))
    assert silence.mean == pytest.approx(np.full(BANDS, FLOOR_DB))
    assert silence.flutter_db == 0.0
    noise = np.random.default_rng(0).standard_normal(16_000).astype(np.float32) * np.float32(0.1)
    assert 1.0 < band_levels(noise).flutter_db < 4.0
    # All bands fall silent together for half of the second: a machine that stops, no gate.
    halves = noise * np.repeat([1.0, 1e-3], 8_000).astype(np.float32)
    assert band_levels(halves).flutter_db < 5.0


def test_hum_share_of_the_mains() -> None:
    wave = (np.sin(2 * np.pi * 50 * TIME_S) + 0.3 * np.sin(2 * np.pi * 150 * TIME_S)).astype(np.float32)
    assert hum_share(wave, 50) > 0.999
    assert hum_share(wave, 60) < 0.05
    assert hum_share(np.zeros(16_000, np.float32), 50) == 0.0
    noise = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    assert hum_share(noise, 50) < 0.1
