from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.simulator.third_octave import band_energies, midbands_hz, own_bands


def test_bands_are_those_of_the_standard() -> None:
    middle = midbands_hz(16_000)
    assert middle[0] == pytest.approx(19.95, abs=0.01)
    assert middle[-1] == pytest.approx(7943.3, abs=0.1)
    assert 1000.0 in np.round(middle, 6)
    np.testing.assert_allclose(middle[10:] / middle[:-10], 10.0)


@pytest.mark.parametrize("samples", [16_000, 48_017, 1_500_000])
def test_energies_are_those_of_the_samples(samples: int) -> None:
    noise = np.random.default_rng(1).standard_normal(samples).astype(np.float32)
    # White noise: the bands from 17.8 Hz to half the sample rate hold their share of the energy.
    share = 1.0 - 17.78 / 8_000.0
    assert band_energies(noise, 16_000).sum() == pytest.approx(share * np.sum(noise**2.0), rel=0.01)


@pytest.mark.parametrize("frequency", [50.0, 440.0, 1000.0, 5000.0])
def test_the_energy_of_a_tone_is_in_its_band(frequency: float) -> None:
    time_s = np.arange(32_000) / 16_000
    tone = np.sin(2.0 * np.pi * frequency * time_s).astype(np.float32)
    energies = band_energies(tone, 16_000)
    band = int(np.argmin(np.abs(np.log(midbands_hz(16_000) / frequency))))
    assert energies[band] == pytest.approx(16_000, rel=0.01)
    assert own_bands(energies).nonzero()[0].tolist() == [band]


def test_own_bands_are_the_smallest_set_that_holds_90_percent() -> None:
    assert own_bands(np.array([5.0, 1.0, 50.0, 34.0, 10.0])).tolist() == [False, False, True, True, True]
    assert own_bands(np.array([6.0, 90.0, 4.0])).tolist() == [False, True, False]
    assert not own_bands(np.zeros(4)).any()
