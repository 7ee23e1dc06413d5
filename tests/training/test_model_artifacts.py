"""Calibration on sound that nothing was fitted on: probabilities are those of unseen sound."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from anomaly.detect.calibration.cross_fit import calibrate_on_errors
from anomaly.detect.operating.fit import learn_states
from anomaly.detect.operating.states import second_spectra
from anomaly.detect.pooling import SUB_BAND_GROUPS, fit_pooling
from anomaly.detect.scoring import recording_errors
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import Centibels, Samples
from anomaly.training.detector_calibration import calibrate_detector
from anomaly.training.training_data import TrainingBlock

FRONT_END = FrontEnd(reset_s=3)


class DistanceDetector:
    """A detector whose errors are how far bands lie from -50 dB: no weights, and so nothing to fit."""

    name = "distance"
    bands = 32
    channels = 2 * SUB_BAND_GROUPS

    def reset(self, streams: int) -> None:
        pass

    def fresh(self) -> DistanceDetector:
        return DistanceDetector()

    def push(self, levels: Centibels) -> npt.NDArray[Any]:
        return ((levels + 5000) / 500.0) ** 2


def noise(seconds: float, seed: int) -> Samples:
    made: Samples = (0.01 * np.random.default_rng(seed).standard_normal(round(16_000 * seconds))).astype(
        np.float32
    )
    return made


def blocks(count: int, seconds: float) -> tuple[TrainingBlock, ...]:
    return tuple(TrainingBlock(noise(seconds, seed), f"block {seed}") for seed in range(count))


@pytest.mark.parametrize(("count", "seconds"), [(1, 60), (2, 30), (12, 5)])
def test_probabilities_of_unseen_sound_are_uniform(count: int, seconds: int) -> None:
    """Even with a minute of held-out sound: scores are cross-fitted, so that it does not flatter itself."""
    calibration = calibrate_detector(DistanceDetector(), "log", FRONT_END, blocks(count, seconds))
    unseen = recording_errors(noise(600, 999), FRONT_END, DistanceDetector())
    p_values = np.array([calibration.p_value(calibration.pooling.second(e).score) for e in unseen])
    # A minute of calibration leaves 1.36/sqrt(60) = 0.18 to chance, at 95 %.
    assert stats.kstest(p_values, "uniform").statistic < 0.22
    assert np.mean(p_values < 0.05) < 0.12


def test_scored_with_their_own_pooling_they_would_be_too_low() -> None:
    held_out = blocks(2, 20)
    calibration = calibrate_detector(DistanceDetector(), "root", FRONT_END, held_out)
    errors = [
        second
        for block in held_out
        for second in recording_errors(block.samples, FRONT_END, DistanceDetector())
    ]
    flattered = [calibration.pooling.second(second).score for second in errors]
    assert np.mean(calibration.scores) > np.mean(flattered)


def test_the_pooling_is_fitted_on_all_of_it() -> None:
    held_out = blocks(4, 5)
    errors = [
        second
        for block in held_out
        for second in recording_errors(block.samples, FRONT_END, DistanceDetector())
    ]
    calibration = calibrate_detector(DistanceDetector(), "log", FRONT_END, held_out)
    assert calibration.pooling.to_dict() == fit_pooling(errors, "log").to_dict()
    assert len(calibration.scores) == len(errors) == 20
    assert calibration.recordings == 4


def test_seconds_outside_the_decision_mask_do_not_calibrate_probabilities() -> None:
    """Half of each recording the machine stands: the scores stay as they are, their probabilities do not."""
    stands = tuple(
        TrainingBlock(np.concatenate([block.samples, 0.01 * block.samples]), block.recording)
        for block in blocks(6, 20)
    )
    states = learn_states([second_spectra(block.samples, FRONT_END) for block in stands])
    assert states.stopped is not None
    every = calibrate_detector(DistanceDetector(), "log", FRONT_END, stands)
    running = calibrate_detector(DistanceDetector(), "log", FRONT_END, stands, states)
    assert running.pooling.to_dict() == every.pooling.to_dict()
    assert len(every.scores) == 240
    assert 100 <= len(running.scores) <= 125
    assert set(running.scores) < set(every.scores)


def test_held_out_sound_in_which_nothing_is_decided_counts_whole() -> None:
    errors = [recording_errors(block.samples, FRONT_END, DistanceDetector()) for block in blocks(2, 5)]
    nothing = calibrate_on_errors(errors, "log", [[False] * 5, [False] * 5])
    assert nothing.scores.tolist() == calibrate_on_errors(errors, "log").scores.tolist()


def test_one_second_is_enough_to_go_on() -> None:
    calibration = calibrate_detector(DistanceDetector(), "log", FRONT_END, blocks(1, 1))
    assert len(calibration.scores) == 1
    assert 0 < calibration.p_value(3.0) <= 1
