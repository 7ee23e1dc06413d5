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


def test_a_single_loud_frame_raises_the_score(pooling: Pooling) -> None:
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


def correlated_kinds(share: float, seconds: int = 400) -> list[npt.NDArray[np.float64]]:
    """Seconds of two kinds; in the second, groups rise and fall together by this share."""
    random = np.random.default_rng(11)
    common = random.gamma(2.0, 1.0, (seconds, 1, 1))
    own = random.gamma(2.0, 1.0, (seconds, 31, 2 * SUB_BAND_GROUPS))
    own[:, :, SUB_BAND_GROUPS:] += share * common
    return list(own)


def test_a_kind_whose_groups_rise_together_counts_less() -> None:
    alone, shared = (fit_pooling(correlated_kinds(share), "count") for share in (0.0, 4.0))
    assert alone.shares is not None
    assert shared.shares is not None
    assert alone.shares == pytest.approx([0.5, 0.5], abs=0.1)
    assert shared.shares[1] < 0.3
    assert shared.shares.sum() == pytest.approx(1.0)
    # What one group of the first kind does stands out more for it.
    louder = correlated_kinds(4.0)[0].copy()
    louder[:, 3] *= 3
    equal = Pooling(
        *(getattr(shared, name) for name in ("scale", "centre", "spread", "view_centre", "view_spread"))
    )
    assert shared.second(louder).score > equal.second(louder).score


def test_shares_are_kept_with_the_rest() -> None:
    pooling = fit_pooling(correlated_kinds(1.0), "count")
    again = Pooling.from_dict(json.loads(json.dumps(pooling.to_dict())))
    assert again.shares is not None
    assert again.shares.tolist() == pooling.shares.tolist()  # type: ignore[union-attr]
    assert "shares" not in fit_pooling(correlated_kinds(1.0), "log").to_dict()


@pytest.mark.parametrize(
    "shares", [[1.0], [0.7, 0.7], [-0.5, 1.5], [float("nan"), 1.0], "half", [[0.5, 0.5]]]
)
def test_shares_that_are_none(shares: Any) -> None:
    with pytest.raises(ModelError):
        Pooling.from_dict(fit_pooling(NORMAL, "count").to_dict() | {"shares": shares})


def written_out(seconds: list[npt.NDArray[np.float64]], scale: Scale, groups: int, kinds: int) -> list[float]:
    """Scores of seconds pooled by their own standardisation, one number at a time, as the module describes it."""
    spread_added = {"log": 0.02, "count": 0.05, "root": 0.05}[scale]
    summaries = []
    for levels in seconds:
        top = max(1, round(0.25 * len(levels)))
        both = [[c.mean() for c in levels.T], [np.sort(c)[-top:].mean() for c in levels.T]]
        summaries.append(
            [[math.log(v + 1e-3) if scale == "log" else math.sqrt(v) for v in row] for row in both]
        )
    values = np.array(summaries)
    deviation = (values - values.mean(axis=0)) / (values.std(axis=0) + spread_added)
    views = []
    for second, off in zip(values, deviation, strict=True):
        if scale == "root":
            worst = [
                [max(off[r, k * groups + g] for k in range(kinds)) for g in range(groups)] for r in range(2)
            ]
            views.append([v for row in worst for v in (np.mean(row), np.mean(sorted(row)[-4:]))])
            continue
        raw = np.exp(second) if scale == "log" else second**2
        floor = 0.0 if scale == "log" else 1e-3
        blocks = [raw[r, k * groups : (k + 1) * groups].mean() for r in range(2) for k in range(kinds)]
        views.append([math.log(block + floor) for block in blocks])
    spread = np.std(views, axis=0) + 1e-3
    standard = np.clip((np.array(views) - np.mean(views, axis=0)) / spread, -60, 60)
    if scale == "root":
        return [math.log(np.mean(np.exp(row))) for row in standard]
    by_kind = (standard[:, :kinds] + standard[:, kinds:]) / 2
    return [float(row @ written_out_weights(values, by_kind, spread, scale, groups)) for row in by_kind]


def written_out_weights(values: Any, by_kind: Any, spread: Any, scale: Scale, groups: int) -> Any:
    """Weights of the kinds: equal for two on "log", Fisher's discriminant on "count"."""
    kinds = by_kind.shape[1]
    if scale == "log":
        return np.full(kinds, 1 / kinds)
    counts = (values**2).reshape(len(values), 2, kinds, groups)
    shift = np.zeros(kinds)
    for row in range(2):
        for kind in range(kinds):
            own = counts[:, row, kind]
            raised = np.mean([own[:, g].std() for g in range(groups)]) / groups
            shift[kind] += raised / (own.mean() + 1e-3) / spread[row * kinds + kind] / 2
    moments = np.array([[np.mean(a * b) for b in by_kind.T] for a in by_kind.T]) + 0.05 * np.eye(kinds)
    weights = np.maximum(np.linalg.inv(moments) @ shift, 0)
    return weights / weights.sum()


@pytest.mark.parametrize("groups", [8, SUB_BAND_GROUPS])
@pytest.mark.parametrize("scale", ["log", "count", "root"])
def test_scores_are_those_of_the_description(scale: Scale, groups: int) -> None:
    random = np.random.default_rng(17)
    rates = random.gamma(2.0, 0.5, (12, 1, 2 * groups))
    seconds = list(random.gamma(2.0, rates, (12, 31, 2 * groups)))
    pooling = fit_pooling(seconds, scale, groups)
    found = [pooling.second(levels).score for levels in seconds]
    assert found == pytest.approx(written_out(seconds, scale, groups, 2), rel=1e-9, abs=1e-9)


def test_the_loudest_quarter_is_rounded_and_at_least_one_frame() -> None:
    for frames, top in ((1, 1), (2, 1), (5, 1), (7, 2), (30, 8), (31, 8)):
        levels = np.zeros((frames, 1))
        levels[:top] = 4.0
        assert summarise(levels, "root")[1, 0] == pytest.approx(2.0)
        levels[top - 1] = 0.0
        assert summarise(levels, "root")[1, 0] < 2.0


def test_the_number_of_groups_is_kept_where_it_is_not_that_of_the_built_in_detectors() -> None:
    few = fit_pooling([levels[:, :8] for levels in NORMAL], "log", groups=4)
    assert (few.kinds, few.to_dict()["groups"], few.second(NORMAL[0][:, :8]).groups.shape) == (2, 4, (4,))
    again = Pooling.from_dict(json.loads(json.dumps(few.to_dict())))
    assert again.second(NORMAL[1][:, :8]).score == few.second(NORMAL[1][:, :8]).score
    assert "groups" not in fit_pooling(NORMAL, "log").to_dict()


@pytest.mark.parametrize("groups", [0, -4, 3, 256, True, 4.0, "4", None])
def test_groups_that_do_not_divide_the_spectrum_are_refused(groups: Any) -> None:
    few = fit_pooling([levels[:, :12] for levels in NORMAL], "log", groups=4).to_dict()
    with pytest.raises(ModelError, match="sub-band groups"):
        Pooling.from_dict({**few, "groups": groups})


def test_one_group_is_enough() -> None:
    one = fit_pooling([levels[:, :2] for levels in NORMAL], "log", groups=1)
    again = Pooling.from_dict(json.loads(json.dumps(one.to_dict())))
    assert (again.kinds, again.groups) == (2, 1)
    assert again.second(NORMAL[0][:, :2]).score == one.second(NORMAL[0][:, :2]).score
