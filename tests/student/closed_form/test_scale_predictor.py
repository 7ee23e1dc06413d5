"""How wide errors will be is foretold from the past alone, within the chip's integers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.student.closed_form.scale_predictor import ScalePredictor, fit_scale_predictor

LIMITS = (25, 31, 255)
BANDS, FRAMES = 16, 6000


def sound(seed: int = 0) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Taps of two frames, and errors of the newer one that are twice as wide after a loud frame."""
    random = np.random.default_rng(seed)
    past = 5 * random.standard_normal((FRAMES, 1)) + random.standard_normal((FRAMES, BANDS))
    now = random.standard_normal((FRAMES, BANDS))
    wide = np.clip(1 + 0.1 * past.mean(axis=1, keepdims=True), 0.2, 3)
    return np.concatenate([now, past], axis=1), wide * random.standard_normal((FRAMES, BANDS))


def fit(limits: tuple[int, int, int] = LIMITS, offered: bool = True) -> ScalePredictor:
    taps, errors = sound()
    costs = np.ones(2 * BANDS)
    costs[: BANDS if offered else 2 * BANDS] = np.inf
    gram = taps.T @ taps / FRAMES + np.eye(2 * BANDS) / 12
    return fit_scale_predictor(
        taps, errors, np.arange(BANDS, dtype=np.int32), gram, limits, np.tile(costs, (BANDS, 1))
    )


def test_the_past_tells_the_width() -> None:
    widths = fit()
    taps, errors = sound(1)
    told = 1 + (taps @ widths.weights.T / widths.quanta) * widths.shares
    size = np.abs(errors)
    for channel in range(BANDS):
        assert np.corrcoef(told[:, channel], size[:, channel])[0, 1] > 0.25
    # Half as wide and half as wide again, as it was made.
    assert told.std() == pytest.approx(0.5, abs=0.12)


def test_what_a_frame_itself_holds_does_not_excuse_it() -> None:
    assert not fit().weights[:, :BANDS].any()


@pytest.mark.parametrize("limits", [LIMITS, (5, 31, 255), (25, 3, 255), (25, 31, 15)])
def test_integers_are_within_the_chip(limits: tuple[int, int, int]) -> None:
    widths = fit(limits)
    assert (widths.weights != 0).sum(axis=1).max() <= limits[0]
    assert np.abs(widths.weights).max() <= limits[1]
    assert 1 <= widths.quanta.min() <= widths.quanta.max() <= limits[2]
    # One spike never moves a threshold by much more than a fifth of itself.
    assert 0 < widths.shares.min() <= widths.shares.max() < 0.3


def test_without_a_past_nothing_is_told() -> None:
    widths = fit(offered=False)
    assert not widths.weights.any()
    assert not widths.shares.any()


def test_widths_that_do_not_vary_are_left_alone() -> None:
    random = np.random.default_rng(3)
    taps = random.standard_normal((20_000, 2 * BANDS))
    costs = np.where(np.arange(2 * BANDS) < BANDS, np.inf, 1.0)
    errors = random.standard_normal((20_000, BANDS))
    widths = fit_scale_predictor(
        taps, errors, np.arange(BANDS, dtype=np.int32), np.eye(2 * BANDS), LIMITS, np.tile(costs, (BANDS, 1))
    )
    assert not widths.shares.any()
