"""Band levels are relative to a full-scale sine; hum is the share of the mains and its harmonics."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.sensor.band_levels import (
    BANDS,
    FLOOR_DB,
    band_levels,
    edges_hz,
    hum_share,
    median_over_bands,
)

TIME_S = np.arange(16_000) / 16_000


@pytest.mark.parametrize("frequency_hz", [100, 460, 1_610, 5_420])
def test_a_sine_has_its_level_in_its_band(frequency_hz: float) -> None:
    levels = band_levels((0.1 * np.sin(2 * np.pi * frequency_hz * TIME_S)).astype(np.float32))
    band = int(np.searchsorted(edges_hz(), frequency_hz, side="right")) - 1
    assert int(np.argmax(levels.mean)) == band
    assert levels.mean[band] == pytest.approx(-20.0, abs=0.3)


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


def test_bands_are_those_of_stored_references() -> None:
    edges = edges_hz()
    assert (BANDS, FLOOR_DB) == (32, -130.0)
    assert edges.shape == (33,)
    assert edges[:10].tolist() == [40, 160, 280, 400, 520, 640, 760, 880, 1_000, 1_090]
    assert edges[-3:].tolist() == [6_730, 7_340, 8_000]


def test_flutter_is_the_drop_of_single_bands() -> None:
    """One tone in the middle of each band; ten bands drop by 12 dB at a time, for a tenth of a second."""
    edges = edges_hz()
    middles_hz = (edges[1:] + edges[:-1]) // 20 * 10
    sound = np.zeros(16_000)
    for band, frequency_hz in enumerate(middles_hz):
        amplitude = np.full(16_000, 0.01)
        if band < 30:
            start = (2 + 2 * (band // 10)) * 1_600
            amplitude[start : start + 1_600] *= 10 ** (-12 / 20)
        sound += amplitude * np.sin(2 * np.pi * frequency_hz * TIME_S)
    assert band_levels(sound.astype(np.float32)).flutter_db == pytest.approx(12.0, abs=0.1)
    assert band_levels(np.tile(sound[:1_600], 10).astype(np.float32)).flutter_db == pytest.approx(
        0.0, abs=0.1
    )


def test_hum_is_a_share_of_power() -> None:
    wave = np.sin(2 * np.pi * 50 * TIME_S) + 0.5 * np.sin(2 * np.pi * 75 * TIME_S)
    assert hum_share(wave.astype(np.float32), 50) == pytest.approx(0.8, abs=0.01)


def test_hum_is_within_one_and_a_half_hertz_of_the_mains() -> None:
    # The Hann window divides the power of a tone 1:4:1 among neighbouring lines.
    assert hum_share(np.sin(2 * np.pi * 51 * TIME_S).astype(np.float32), 50) == pytest.approx(
        5 / 6, abs=0.001
    )
    assert hum_share(np.sin(2 * np.pi * 49 * TIME_S).astype(np.float32), 50) == pytest.approx(
        5 / 6, abs=0.001
    )
    assert hum_share(np.sin(2 * np.pi * 52 * TIME_S).astype(np.float32), 50) == pytest.approx(
        1 / 6, abs=0.001
    )


def test_an_offset_counts_neither_as_hum_nor_as_its_rest() -> None:
    wave = np.sin(2 * np.pi * 50 * TIME_S)
    assert hum_share((wave + 0.5).astype(np.float32), 50) > 0.999
    rumble = np.sin(2 * np.pi * 2 * TIME_S)
    assert hum_share((wave + rumble).astype(np.float32), 50) == pytest.approx(1 / (1 + 5 / 6), abs=0.001)


def test_the_median_is_that_of_numpy() -> None:
    values = np.random.default_rng(3).standard_normal((5, 7, BANDS))
    assert np.array_equal(median_over_bands(values), np.median(values, axis=-1))
