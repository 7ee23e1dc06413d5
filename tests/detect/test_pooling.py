from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anomaly.detect.pooling import SUB_BAND_GROUPS, Pooling, Scale, fit_pooling, soft_maximum, summarise
from anomaly.errors import ModelError

RANDOM = np.random.default_rng(5)
NORMAL = [RANDOM.gamma(2.0, 0.5, (31, 2 * SUB_BAND_GROUPS)) for _ in range(60)]


@pytest.fixture(params=["log", "count", "root"])
def pooling(request: pytest.FixtureRequest) -> Pooling:
    return fit_pooling(NORMAL, request.param)


def test_a_summary_is_mean_and_loudest_quarter() -> None:
    levels = np.arange(8.0)[:, None] * np.ones((1, SUB_BAND_GROUPS))
    mean, top = summarise(levels, "root")[:, 0] ** 2
    assert (mean, top) == pytest.approx((3.5, 6.5))
    mean, top = np.exp(summarise(levels, "log")[:, 0]) - 1e-3
    assert (mean, top) == pytest.approx((3.5, 6.5))


@pytest.mark.parametrize("frames", [1, 2, 3, 22, 31])
def test_any_number_of_frames_has_a_loudest_quarter(frames: int) -> None:
    summary = summarise(np.ones((frames, SUB_BAND_GROUPS), np.int32), "root")
    assert summary == pytest.approx(np.ones((2, SUB_BAND_GROUPS)))


def test_order_of_frames_does_not_matter_but_for_rounding() -> None:
    levels = NORMAL[0]
    assert summarise(levels[::-1], "log") == pytest.approx(summarise(levels, "log"))


def test_normal_sound_is_standard(pooling: Pooling) -> None:
    scores = [pooling.second(levels).score for levels in NORMAL]
    # The soft maximum of four standard views: around its own mean, within a few deviations.
    assert -1 < np.mean(scores) < 1.5
    assert max(scores) < 6
    assert pooling.kinds == 2


def test_the_group_that_is_wrong_is_named(pooling: Pooling) -> None:
    for kind in range(2):
        for group in (0, 7, 15):
            levels = NORMAL[0].copy()
            levels[:, kind * SUB_BAND_GROUPS + group] *= 30
            second = pooling.second(levels)
            assert int(second.groups.argmax()) == group
            assert second.score > pooling.second(NORMAL[0]).score + 3


def test_a_single_loud_frame_is_heard(pooling: Pooling) -> None:
    levels = NORMAL[0].copy()
    levels[17, :SUB_BAND_GROUPS] *= 100
    assert pooling.second(levels).score > pooling.second(NORMAL[0]).score + 3


@settings(deadline=None, max_examples=60)
@given(arrays(np.float64, (5, 2 * SUB_BAND_GROUPS), elements=st.floats(0, 1e12)))
def test_scores_are_finite_and_bounded(levels: npt.NDArray[np.float64]) -> None:
    scales: tuple[Scale, ...] = ("log", "count", "root")
    for scale in scales:
        score = fit_pooling(NORMAL[:3], scale).second(levels).score
        assert math.isfinite(score)
        assert abs(score) <= 60


def test_normals_that_never_vary_are_no_division_by_zero() -> None:
    same = [np.zeros((31, SUB_BAND_GROUPS), np.int32)] * 3
    assert fit_pooling(same, "root").second(same[0]).score == pytest.approx(0)
    assert fit_pooling(same, "root").second(same[0] + 4).score == 60


@settings(deadline=None)
@given(st.lists(st.floats(-60, 60), min_size=1, max_size=8))
def test_soft_maximum_lies_between_mean_and_maximum(values: list[float]) -> None:
    soft = soft_maximum(np.array(values))
    assert np.mean(values) - 1e-9 <= soft <= max(values) + 1e-9
    assert soft >= max(values) - math.log(len(values)) - 1e-9


def test_it_comes_back_from_json_bit_for_bit(pooling: Pooling) -> None:
    again = Pooling.from_dict(json.loads(json.dumps(pooling.to_dict())))
    for levels in NORMAL[:5]:
        assert again.second(levels).score.hex() == pooling.second(levels).score.hex()


def test_of_three_kinds_the_second_counts_as_much_as_both_others() -> None:
    normal = [RANDOM.gamma(2.0, 0.5, (31, 3 * SUB_BAND_GROUPS)) for _ in range(60)]
    pooling = fit_pooling(normal, "log")
    loud = np.array(normal[0])
    rise = []
    for kind in range(3):
        changed = loud.copy()
        changed[:, kind * SUB_BAND_GROUPS : (kind + 1) * SUB_BAND_GROUPS] *= 1.5
        rise.append(pooling.second(changed).score - pooling.second(loud).score)
    spread = pooling.view_spread.reshape(2, 3)
    expected = np.array([0.25, 0.5, 0.25]) * np.log(1.5) * (1 / spread).mean(axis=0)
    assert rise == pytest.approx(expected, rel=1e-2)


def test_views_of_before_are_the_average_of_the_kinds() -> None:
    """Bundles from before every kind was standardised apart can still be read, and score as they did."""
    pooling = fit_pooling(NORMAL, "log")
    older = {"view_centre": [0.1, 0.5], "view_spread": [0.2, 0.4]}
    read = Pooling.from_dict({**pooling.to_dict(), **older})
    means = np.exp(summarise(NORMAL[0], "log")).reshape(2, 2, SUB_BAND_GROUPS).mean(axis=2)
    views = np.log(means).mean(axis=1)
    expected = ((views - older["view_centre"]) / older["view_spread"]).mean()
    assert read.second(NORMAL[0]).score == pytest.approx(expected)


NAN, HUGE = float("nan"), 10**400


@pytest.mark.parametrize(
    "change",
    [
        {"scale": "linear"},
        {"scale": ["log"]},
        {"scale": None},
        {"centre": [[0.0] * 16]},
        {"centre": [[0.0] * 15] * 2},
        {"centre": [[], []]},
        {"centre": "sixteen"},
        {"centre": [[0.0] * 16, [0.0] * 15]},
        {"centre": [[NAN] * 32] * 2},
        {"centre": [[HUGE] * 32] * 2},
        {"spread": [[1.0] * 16] * 2},
        {"spread": [[0.0] * 32] * 2},
        {"spread": [[-1.0] * 32] * 2},
        {"spread": [[NAN] * 32] * 2},
        {"view_centre": [0.0] * 3},
        {"view_centre": [0.0, 0.0, 0.0, float("inf")]},
        {"view_spread": [1.0] * 5},
        {"view_spread": [1.0, 1.0, 1.0, 0.0]},
        {"view_spread": {}},
    ],
)
def test_what_makes_no_sense_is_refused(pooling: Pooling, change: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="pooling") as caught:
        Pooling.from_dict({**pooling.to_dict(), **change})
    assert caught.value.where == "calibration.json"


@pytest.mark.parametrize("missing", ["scale", "centre", "spread", "view_centre", "view_spread"])
def test_every_part_is_needed(pooling: Pooling, missing: str) -> None:
    values = pooling.to_dict()
    del values[missing]
    with pytest.raises(ModelError, match=missing):
        Pooling.from_dict(values)


def together(share: float, seconds: int = 400) -> list[npt.NDArray[np.float64]]:
    """Seconds of two kinds; in the second, groups rise and fall together by this share."""
    random = np.random.default_rng(11)
    common = random.gamma(2.0, 1.0, (seconds, 1, 1))
    own = random.gamma(2.0, 1.0, (seconds, 31, 2 * SUB_BAND_GROUPS))
    own[:, :, SUB_BAND_GROUPS:] += share * common
    return list(own)


def test_a_kind_whose_groups_rise_together_counts_less() -> None:
    alone, shared = (fit_pooling(together(share), "count") for share in (0.0, 4.0))
    assert alone.shares is not None
    assert shared.shares is not None
    assert alone.shares == pytest.approx([0.5, 0.5], abs=0.1)
    assert shared.shares[1] < 0.3
    assert shared.shares.sum() == pytest.approx(1.0)
    # What one group of the first kind does is heard better for it.
    louder = together(4.0)[0].copy()
    louder[:, 3] *= 3
    equal = Pooling(
        *(getattr(shared, name) for name in ("scale", "centre", "spread", "view_centre", "view_spread"))
    )
    assert shared.second(louder).score > equal.second(louder).score


def test_shares_are_kept_with_the_rest() -> None:
    pooling = fit_pooling(together(1.0), "count")
    again = Pooling.from_dict(json.loads(json.dumps(pooling.to_dict())))
    assert again.shares is not None
    assert again.shares.tolist() == pooling.shares.tolist()  # type: ignore[union-attr]
    assert "shares" not in fit_pooling(together(1.0), "log").to_dict()


@pytest.mark.parametrize(
    "shares", [[1.0], [0.7, 0.7], [-0.5, 1.5], [float("nan"), 1.0], "half", [[0.5, 0.5]]]
)
def test_shares_that_are_none(shares: Any) -> None:
    with pytest.raises(ModelError):
        Pooling.from_dict(fit_pooling(NORMAL, "count").to_dict() | {"shares": shares})
