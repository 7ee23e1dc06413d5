"""The resampler gives the same bits however the sound is cut, and keeps a tone a tone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
def test_any_rate_and_any_cut(from_hz: int, sizes: list[int]) -> None:
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


def test_nothing_in_nothing_out() -> None:
    assert len(resample(np.zeros(0, dtype=np.float32), 48_000)) == 0
