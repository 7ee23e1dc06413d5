"""Selection of one channel of several, or their mean."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.channels import parse_channel, to_mono
from anomaly.errors import InputError, UsageError

X = np.random.default_rng(0).standard_normal((1_001, 9)).astype(np.float32)


def test_one_channel_is_selected_unchanged() -> None:
    np.testing.assert_array_equal(to_mono(X, 3), X[:, 3])
    assert to_mono(X, 3).flags.c_contiguous


def test_the_mean_is_the_mean() -> None:
    mean = to_mono(X)
    assert mean.dtype == np.float32
    np.testing.assert_allclose(mean, X.mean(axis=1), atol=1e-6)


def test_the_mean_does_not_depend_on_the_block_length() -> None:
    whole = to_mono(X)
    for size in (1, 7, 500):
        parts = [to_mono(X[start : start + size]) for start in range(0, len(X), size)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_one_channel_stays() -> None:
    np.testing.assert_array_equal(to_mono(X[:, 0]), X[:, 0])
    np.testing.assert_array_equal(to_mono(X[:, :1], 0), X[:, 0])


@pytest.mark.parametrize("channel", [9, 100, -1])
def test_a_missing_channel_is_named(channel: int) -> None:
    with pytest.raises(InputError, match=rf"x.wav: there is no channel {channel}, only channels 0 to 8"):
        to_mono(X, channel, where="x.wav")


def test_parsing() -> None:
    assert parse_channel("mean") == "mean"
    assert parse_channel("12") == 12
    for wrong in ("", "left", "-1", "1.5", "²"):
        with pytest.raises(UsageError):
            parse_channel(wrong)
