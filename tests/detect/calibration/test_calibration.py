"""Tail probabilities: uniform on unseen normals, monotone, and refused where they make no sense."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from anomaly.detect.calibration.calibration import Calibration, calibrate
from anomaly.detect.calibration.tail import fit_tail, tail_probability
from anomaly.detect.decision import Decision, State, highest_sum, limit_for
from anomaly.detect.pooling import SUB_BAND_GROUPS, fit_pooling
from anomaly.errors import ModelError

RANDOM = np.random.default_rng(11)


def seconds(count: int, seed: int) -> list[npt.NDArray[np.float64]]:
    """Error levels of independent normal seconds, chi-squared like."""
    return list(np.random.default_rng(seed).gamma(2.0, 0.5, (count, 31, 2 * SUB_BAND_GROUPS)))


POOLING = fit_pooling(seconds(60, 0), "log")


def scored(count: int, seed: int) -> list[float]:
    return [POOLING.second(levels).score for levels in seconds(count, seed)]


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    held_out = scored(600, 1)
    return calibrate(POOLING, [held_out[i : i + 60] for i in range(0, 600, 60)])


def test_probabilities_of_unseen_normals_are_uniform(calibration: Calibration) -> None:
    p_values = np.array([calibration.p_value(score) for score in scored(6000, 2)])
    # Six hundred seconds of calibration leave a distance of 1.36/sqrt(600) = 0.056 to chance, at 95 %.
    assert stats.kstest(p_values, "uniform").statistic < 0.06
    assert 0.005 < np.mean(p_values < 0.01) < 0.02
    assert np.mean(p_values < 0.001) < 0.004


def test_below_the_tail_it_is_the_conformal_rank() -> None:
    scores = np.arange(99.0)
    tail = fit_tail(scores)
    assert tail.start == pytest.approx(88.2)
    for score in (-5.0, 0.0, 10.0, 10.5, 50.0, 88.0):
        assert tail_probability(score, scores, tail) == (1 + (scores >= score).sum()) / 100


@settings(deadline=None)
@given(
    st.lists(st.floats(-60, 60), min_size=1, max_size=60),
    st.lists(st.floats(-100, 100), min_size=2, max_size=20),
)
def test_probabilities_fall_with_the_score(held_out: list[float], asked: list[float]) -> None:
    scores = np.sort(held_out)
    tail = fit_tail(scores)
    p_values = [tail_probability(score, scores, tail) for score in sorted(asked)]
    assert all(0 < p <= 1 for p in p_values)
    assert all(later <= earlier for earlier, later in pairwise(p_values))


def test_nothing_is_impossible(calibration: Calibration) -> None:
    assert calibration.p_value(1e9) == 1e-12
    assert calibration.p_value(-1e9) == 1.0


def test_what_is_known_of_the_data(calibration: Calibration) -> None:
    assert calibration.supported_p == 1 / 601
    assert calibration.recordings == 10
    assert (np.diff(calibration.scores) >= 0).all()


def test_dependence_is_the_highest_sum_of_held_out_sound_in_a_row() -> None:
    scores = np.random.default_rng(4).exponential(1.0, 300)
    spread = calibrate(POOLING, [scores[:150].tolist(), scores[150:].tolist()])
    in_a_row = np.sort(scores)
    burst = calibrate(POOLING, [in_a_row[:150].tolist(), in_a_row[150:].tolist()])
    assert burst.scores.tolist() == spread.scores.tolist()
    assert spread.dependence == highest_sum(spread.p_value(s) for s in scores)
    assert burst.dependence > 2 * spread.dependence > 0


def test_it_comes_back_from_json_bit_for_bit(calibration: Calibration) -> None:
    again = Calibration.from_dict(json.loads(json.dumps(calibration.to_dict())))
    for score in np.linspace(-3, 30, 200):
        assert again.p_value(score).hex() == calibration.p_value(score).hex()
    assert (again.recordings, again.dependence) == (calibration.recordings, calibration.dependence)
    assert (again.excursions, again.floor) == (calibration.excursions, calibration.floor)
    assert again.limit(1.0) == calibration.limit(1.0)


def test_the_order_of_time_is_kept() -> None:
    recordings = [[3.0, 1.0, 2.0], [5.0, 1.0]]
    kept = Calibration.from_dict(json.loads(json.dumps(calibrate(POOLING, recordings).to_dict())))
    assert [part.tolist() for part in kept.sequences] == recordings
    assert kept.scores.tolist() == [1.0, 1.0, 2.0, 3.0, 5.0]


def test_a_bundle_from_before_the_order_was_kept_still_counts(calibration: Calibration) -> None:
    values = calibration.to_dict()
    for key in ("order", "lengths", "floor", "tail_shape"):
        del values[key]
    old = Calibration.from_dict(values)
    assert old.limit(1.0) == limit_for(1.0, old.dependence)
    assert (old.tail.kind, old.tail.shape) == ("exponential", 0.0)
    assert [part.tolist() for part in old.sequences] == [old.scores.tolist()]


def test_a_bundle_that_kept_its_excursions_in_another_form_is_read(calibration: Calibration) -> None:
    values = calibration.to_dict() | {
        "excursions": {"height": 1.0, "count": 8, "excess": 2.0, "seconds": 600}
    }
    assert Calibration.from_dict(values).excursions == calibration.excursions


def test_sound_that_a_person_called_normal_stays_below_the_limit() -> None:
    held_out = np.random.default_rng(5).normal(0, 1, (10, 60))
    case = np.full(60, 6.0)
    before, after = calibrate(POOLING, list(held_out)), calibrate(POOLING, list(held_out), normal=[case])
    for calibration, state in ((before, State.ALARM), (after, State.OK)):
        decision = Decision(calibration.limit(24.0))
        states = {decision.update(calibration.p_value(float(s))) for s in case}
        assert (State.ALARM in states) is (state is State.ALARM)
    assert after.limit(24.0).value >= 1.1 * after.floor > 0
    assert before.floor == 0


def test_what_so_many_seconds_support(calibration: Calibration) -> None:
    # The rule of three: ten minutes without an alarm bound the rate below 432 a day.
    assert calibration.supported_per_day == pytest.approx(432.0)


INFINITE, NAN, HUGE = float("inf"), float("nan"), 10**400


@pytest.mark.parametrize(
    "change",
    [
        {"scores": []},
        {"scores": [2.0, 1.0]},
        {"scores": [[1.0, 2.0]]},
        {"scores": [1.0, NAN]},
        {"scores": [1.0, INFINITE]},
        {"scores": [HUGE]},
        {"scores": ["high"]},
        {"scores": {"a": 1}},
        {"scores": None},
        {"tail_start": NAN},
        {"tail_start": "high"},
        {"tail_start": HUGE},
        {"tail_scale": 0.0},
        {"tail_scale": -1.0},
        {"tail_scale": INFINITE},
        {"tail_scale": [1.0]},
        {"recordings": 0},
        {"recordings": INFINITE},
        {"recordings": NAN},
        {"recordings": "many"},
        {"dependence": -1.0},
        {"dependence": NAN},
        {"dependence": None},
        {"pooling": None},
        {"pooling": []},
        {"pooling": {"scale": "log"}},
        {"tail_shape": -0.1},
        {"tail_shape": NAN},
        {"floor": -1.0},
        {"floor": INFINITE},
        {"order": [0]},
        {"order": [0] * 600},
        {"order": None},
        {"lengths": [600, 0]},
        {"lengths": [1]},
    ],
)
def test_what_makes_no_sense_is_refused(calibration: Calibration, change: dict[str, Any]) -> None:
    with pytest.raises(ModelError) as caught:
        Calibration.from_dict({**calibration.to_dict(), **change})
    assert caught.value.where == "calibration.json"
    assert caught.value.exit_code == 5


@pytest.mark.parametrize(
    "missing", ["scores", "tail_start", "tail_scale", "recordings", "dependence", "pooling"]
)
def test_every_part_is_needed(calibration: Calibration, missing: str) -> None:
    values = calibration.to_dict()
    del values[missing]
    with pytest.raises(ModelError, match=missing):
        Calibration.from_dict(values)
