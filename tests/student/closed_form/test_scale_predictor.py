"""Scale predictor: the size of errors is predicted from past frames alone, within the chip's integers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.student.closed_form.scale_predictor import ScalePredictor, fit_scale_predictor

LIMITS = (25, 31, 255)
BANDS, FRAMES = 16, 6000


def sound(seed: int = 0) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return taps of two frames, and errors of the newer one that grow with the level of the older one."""
    random = np.random.default_rng(seed)
    past = 5 * random.standard_normal((FRAMES, 1)) + random.standard_normal((FRAMES, BANDS))
    now = random.standard_normal((FRAMES, BANDS))
    scale = np.clip(1 + 0.1 * past.mean(axis=1, keepdims=True), 0.2, 3)
    return np.concatenate([now, past], axis=1), scale * random.standard_normal((FRAMES, BANDS))


def fit(limits: tuple[int, int, int] = LIMITS, allowed: bool = True) -> ScalePredictor:
    taps, errors = sound()
    costs = np.ones(2 * BANDS)
    costs[: BANDS if allowed else 2 * BANDS] = np.inf
    gram = taps.T @ taps / FRAMES + np.eye(2 * BANDS) / 12
    return fit_scale_predictor(
        taps, errors, np.arange(BANDS, dtype=np.int32), gram, limits, np.tile(costs, (BANDS, 1))
    )


def test_the_size_is_predicted_from_the_past() -> None:
    scales = fit()
    taps, errors = sound(1)
    predicted = 1 + (taps @ scales.weights.T / scales.quanta) * scales.threshold_gains
    size = np.abs(errors)
    for channel in range(BANDS):
        assert np.corrcoef(predicted[:, channel], size[:, channel])[0, 1] > 0.25
    # The standard deviation of the relative size is a half.
    assert predicted.std() == pytest.approx(0.5, abs=0.12)


def test_a_frame_does_not_raise_its_own_thresholds() -> None:
    assert not fit().weights[:, :BANDS].any()


@pytest.mark.parametrize("limits", [LIMITS, (5, 31, 255), (25, 3, 255), (25, 31, 15)])
def test_integers_are_within_the_chip(limits: tuple[int, int, int]) -> None:
    scales = fit(limits)
    assert (scales.weights != 0).sum(axis=1).max() <= limits[0]
    assert np.abs(scales.weights).max() <= limits[1]
    assert 1 <= scales.quanta.min() <= scales.quanta.max() <= limits[2]
    # One spike moves a threshold by hardly more than a fifth of itself.
    assert 0 < scales.threshold_gains.min() <= scales.threshold_gains.max() < 0.3


def test_without_allowed_taps_there_is_no_prediction() -> None:
    scales = fit(allowed=False)
    assert not scales.weights.any()
    assert not scales.threshold_gains.any()


def test_constant_sizes_give_no_prediction() -> None:
    random = np.random.default_rng(3)
    taps = random.standard_normal((20_000, 2 * BANDS))
    costs = np.where(np.arange(2 * BANDS) < BANDS, np.inf, 1.0)
    errors = random.standard_normal((20_000, BANDS))
    scales = fit_scale_predictor(
        taps, errors, np.arange(BANDS, dtype=np.int32), np.eye(2 * BANDS), LIMITS, np.tile(costs, (BANDS, 1))
    )
    assert not scales.threshold_gains.any()
