"""The resampler gives the same bits for pieces of any length, and keeps tones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.audio.capture.block_schedule import lookahead
from anomaly.audio.resample import StreamResampler, resample

RATES_HZ = (8_000, 11_025, 20_000, 22_050, 32_000, 37_800, 44_100, 44_101, 48_000, 96_000, 192_000, 768_000)


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(samples).standard_normal(samples).astype(np.float32) * 0.2


def streamed(x: np.ndarray, from_hz: int, sizes: list[int]) -> np.ndarray:
    stream = StreamResampler(from_hz)
    parts, start, turn = [], 0, 0
    while start < len(x):
        size = sizes[turn % len(sizes)]
        parts.append(stream.push(x[start : start + size]))
        start, turn = start + size, turn + 1
    return np.concatenate([*parts, stream.finish()])


@pytest.mark.parametrize("from_hz", RATES_HZ)
def test_stream_has_the_bits_of_one_piece(from_hz: int) -> None:
    x = noise(from_hz + 17)
    whole = resample(x, from_hz)
    for sizes in ([13, 1, 997], [160], [4_801], [10_000]):
        np.testing.assert_array_equal(streamed(x, from_hz, sizes), whole)


def test_single_samples_have_the_bits_of_one_piece() -> None:
    x = noise(20_000)
    np.testing.assert_array_equal(streamed(x, 48_000, [1]), resample(x, 48_000))


@settings(deadline=None, max_examples=30)
@given(from_hz=st.integers(1_000, 200_000), sizes=st.lists(st.integers(1, 10_000), min_size=1, max_size=5))
def test_any_rate_and_pieces_of_any_length(from_hz: int, sizes: list[int]) -> None:
    x = noise(9_000)
    np.testing.assert_array_equal(streamed(x, from_hz, sizes * 3), resample(x, from_hz))


@pytest.mark.parametrize("from_hz", RATES_HZ)
def test_length_and_tone_are_kept(from_hz: int) -> None:
    x = np.sin(2 * np.pi * 1_000 * np.arange(2 * from_hz) / from_hz).astype(np.float32)
    y = resample(x, from_hz)
    assert abs(len(y) - 32_000) <= 1
    expected = np.sin(2 * np.pi * 1_000 * np.arange(len(y)) / 16_000)
    middle = slice(2_000, 30_000)
    assert np.abs(y[middle] - expected[middle]).max() < 1e-4


def test_16_khz_passes_untouched() -> None:
    x = noise(5_000)
    np.testing.assert_array_equal(resample(x, 16_000), x)


def test_no_samples_give_no_samples() -> None:
    assert len(resample(np.zeros(0, dtype=np.float32), 48_000)) == 0


def gain_db(frequency_hz: float, from_hz: int) -> float:
    """Response to a sine, without its first and last half second."""
    x = np.sin(2 * np.pi * frequency_hz * np.arange(2 * from_hz) / from_hz).astype(np.float32)
    y = resample(x, from_hz)[8_000:24_000].astype(np.float64)
    return float(20 * np.log10(max(1e-9, np.sqrt(2 * np.mean(y**2)))))


@pytest.mark.parametrize("from_hz", [8_000, 22_050, 32_000, 44_100, 44_101, 48_000, 96_000, 192_000])
def test_the_pass_band_is_flat_and_nothing_aliases(from_hz: int) -> None:
    half_hz = min(from_hz, 16_000) / 2
    for share in (0.01, 0.3, 0.7, 0.9, 0.91):
        assert gain_db(share * half_hz, from_hz) == pytest.approx(0.0, abs=1e-3)
    for share in (1.0, 1.01, 1.1, 1.5, 1.9, 2.3, 5.0):
        if from_hz > 16_000 and share * half_hz < from_hz / 2:
            assert gain_db(share * half_hz, from_hz) < -120


@pytest.mark.parametrize("from_hz", [8_000, 22_050, 44_100, 48_000, 192_000])
def test_a_block_is_ready_as_soon_as_its_filter_allows(from_hz: int) -> None:
    stream = StreamResampler(from_hz)
    ready = len(stream.push(noise(from_hz + lookahead(from_hz) - 1)))
    assert ready < 16_000
    assert ready + len(stream.push(noise(1))) == 16_000


def test_a_filter_has_neither_echo_nor_delay() -> None:
    x = np.zeros(48_000, dtype=np.float32)
    x[[12_000, 33_600]] = 1.0
    y = resample(x, 48_000)
    near = np.zeros(16_000, dtype=bool)
    for place in (4_000, 11_200):
        near[place - 96 : place + 97] = True
        assert y[place] == pytest.approx(0.9565 / 3, abs=1e-3)
    assert np.abs(y[~near]).max() < 1e-6


def test_the_callers_buffer_may_be_overwritten() -> None:
    x, stream, parts = noise(20_000), StreamResampler(48_000), []
    buffer = np.zeros(1_000, dtype=np.float32)
    for start in range(0, len(x), len(buffer)):
        buffer[:] = x[start : start + len(buffer)]
        parts.append(stream.push(buffer))
    np.testing.assert_array_equal(np.concatenate([*parts, stream.finish()]), resample(x, 48_000))
