"""The test of calibration finds what is off and passes what is right."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from anomaly.detect.calibration.calibration import calibrate
from anomaly.detect.calibration.uniformity import cross_validated_uniformity, uniformity
from anomaly.detect.pooling import SUB_BAND_GROUPS, fit_pooling

POOLING = fit_pooling(list(np.random.default_rng(0).gamma(2.0, 0.5, (20, 31, 2 * SUB_BAND_GROUPS))), "log")


def test_the_distance_is_that_of_kolmogorov_and_smirnov() -> None:
    p_values = np.random.default_rng(1).beta(0.8, 1.0, 500)
    found = uniformity(p_values)
    assert found.distance == pytest.approx(stats.kstest(p_values, "uniform").statistic)
    assert found.seconds == 500
    assert (found.share_10, found.share_1) == ((p_values <= 0.1).mean(), (p_values <= 0.01).mean())


@pytest.mark.parametrize("p_values", [[0.02, 0.03], [0.97, 0.98], [0.4, 0.41, 0.42], [0.5]])
def test_the_distance_is_found_above_and_below_the_diagonal(p_values: list[float]) -> None:
    assert uniformity(p_values).distance == pytest.approx(stats.kstest(p_values, "uniform").statistic)


def test_a_probability_at_a_share_counts() -> None:
    found = uniformity([0.01, 0.1, 0.1, 0.5])
    assert (found.share_10, found.share_1) == (0.75, 0.25)


def test_recordings_that_are_alike_are_uniform() -> None:
    found = cross_validated_uniformity(
        calibrate(POOLING, list(np.random.default_rng(2).normal(0, 1, (12, 60))))
    )
    assert found is not None
    assert found.distance < 0.05
    assert 0.06 < found.share_10 < 0.14
    assert 0.0 < found.share_1 < 0.03


def test_recordings_of_which_each_is_louder_than_the_last_are_not() -> None:
    recordings = np.random.default_rng(3).normal(0, 1, (12, 60)) + 2.0 * np.arange(12)[:, None]
    found = cross_validated_uniformity(calibrate(POOLING, list(recordings)))
    assert found is not None
    # The loudest of twelve is above all others.
    assert found.share_1 > 0.03
    alike = cross_validated_uniformity(calibrate(POOLING, [recordings[0], recordings[11]]))
    assert alike is not None
    assert alike.distance > 0.4


def share_of_two_loud(recordings: int, other: int) -> float:
    """Share of probabilities of at most 0.01 where the first recording and another one are louder than the rest."""
    scores = np.random.default_rng(5).normal(0, 1, (recordings, 60))
    scores[[0, other]] += 12.0
    found = cross_validated_uniformity(calibrate(POOLING, list(scores)))
    assert found is not None
    return found.share_1


def test_up_to_twenty_recordings_each_is_held_against_all_others() -> None:
    """Each of the two loud recordings is ordinary beside the other."""
    assert share_of_two_loud(20, 19) < 0.01


def test_more_recordings_are_held_out_together() -> None:
    """In twenty folds the first and the twenty-first of them go together: nothing else is as loud."""
    assert share_of_two_loud(21, 20) == pytest.approx(2 / 21)
    assert share_of_two_loud(21, 19) < 0.01


def test_one_recording_has_nothing_to_be_held_against() -> None:
    assert cross_validated_uniformity(calibrate(POOLING, [[1.0, 2.0]])) is None
