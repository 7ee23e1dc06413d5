from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.simulator.transfer.resonance import minimum_phase, modal_response, shaping_filter


def response_db(answer: np.ndarray[tuple[int], np.dtype[np.float64]], frequency: float) -> float:
    spectrum = np.abs(np.fft.rfft(answer, 65_536))
    return float(20.0 * np.log10(spectrum[round(frequency / 16_000 * 65_536)]))


def test_a_shape_has_its_levels_and_no_delay() -> None:
    answer = shaping_filter([(100.0, -20.0), (1_000.0, 0.0), (4_000.0, -10.0)], 16_000)
    for frequency, level_db in (
        (200.0, -13.98),
        (1_000.0, 0.0),
        (2_000.0, -5.0),
        (4_000.0, -10.0),
        (7_000.0, -10.0),
    ):
        assert response_db(answer, frequency) == pytest.approx(level_db, abs=1.0)
    assert int(np.argmax(np.abs(answer))) < 8


def test_minimum_phase_of_a_flat_response_is_an_impulse() -> None:
    answer = minimum_phase(np.full(1_025, 0.5), 64)
    assert answer[0] == pytest.approx(0.5)
    assert np.abs(answer[1:]).max() < 1e-9


def test_a_mode_oscillates_at_its_frequency_and_decays() -> None:
    answer = modal_response([(1_000.0, 0.02, 0.0)], None, 16_000)
    frequencies = np.fft.rfftfreq(65_536, 1 / 16_000)
    spectrum = np.abs(np.fft.rfft(answer, 65_536))
    assert frequencies[int(np.argmax(spectrum))] == pytest.approx(1_000.0, rel=0.01)
    assert 20.0 * np.log10(spectrum.max()) == pytest.approx(0.0, abs=1.0)
    assert np.abs(answer[-10:]).max() < 0.01 * np.abs(answer).max()


def test_modes_that_cannot_be_sampled_are_left_out() -> None:
    assert not modal_response([(9_000.0, 0.02, 0.0)], None, 16_000).any()
    assert modal_response([(9_000.0, 0.02, 0.0)], -6.0, 16_000)[0] == pytest.approx(0.501, abs=0.01)
