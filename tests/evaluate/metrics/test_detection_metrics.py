import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from anomaly.errors import InputError
from anomaly.evaluate.metrics.detection_metrics import auc, bootstrap, f1_ev, pauc, roc_curve


def tied_scores(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = generator.random(n) < generator.uniform(0.1, 0.9)
    labels[:2] = [False, True]
    scores = np.round(
        generator.standard_normal(n) + labels * generator.uniform(-1, 2), generator.integers(0, 3)
    )
    return labels, scores


@given(seed=st.integers(0, 2**32 - 1), max_fpr=st.sampled_from([0.01, 0.05, 0.1, 0.37, 0.9, 1.0]))
@settings(max_examples=200, deadline=None)
def test_areas_equal_scikit_learn_with_ties(seed: int, max_fpr: float) -> None:
    labels, scores = tied_scores(seed)
    assert auc(labels, scores) == pytest.approx(oracle.roc_auc_score(labels, scores), abs=1e-12)
    assert pauc(labels, scores, max_fpr) == pytest.approx(
        oracle.roc_auc_score(labels, scores, max_fpr=max_fpr), abs=1e-12
    )


def test_curve_equals_scikit_learn() -> None:
    labels, scores = tied_scores(3)
    ours = roc_curve(labels, scores)
    fpr, tpr, thresholds = oracle.roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(ours.false_positive_rate, fpr)
    np.testing.assert_allclose(ours.true_positive_rate, tpr)
    np.testing.assert_allclose(ours.thresholds, thresholds)


def test_all_scores_equal_is_chance() -> None:
    labels = np.array([0, 1, 0, 1, 1])
    assert auc(labels, np.zeros(5)) == 0.5
    assert pauc(labels, np.zeros(5)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("labels", "scores", "words"),
    [
        ([0, 0, 0], [1.0, 2.0, 3.0], "only normal sound among 3"),
        ([1, 1], [1.0, 2.0], "only anomalies among 2"),
        ([0, 1], [1.0, np.nan], "1 of 2 scores are not finite"),
        ([0, 1], [1.0, 2.0, 3.0], "do not match"),
    ],
)
def test_refuses_what_it_cannot_measure(labels: list[int], scores: list[float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        auc(labels, scores)


def test_refuses_an_impossible_rate() -> None:
    with pytest.raises(InputError, match="max_fpr"):
        pauc([0, 1], [0.0, 1.0], 0.0)


def test_bootstrap_without_weights_is_the_sample() -> None:
    labels, scores = tied_scores(5)
    spread = bootstrap(labels, scores, [str(i) for i in range(len(scores))], draws=400, seed=1)
    low, high = spread.interval()
    assert low < auc(labels, scores) < high
    assert spread.auc.std() == pytest.approx(hanley_mcneil(labels, scores), rel=0.35)


def hanley_mcneil(labels: np.ndarray, scores: np.ndarray) -> float:
    """Standard error of an AUC (Radiology 143, 1982)."""
    a, n1, n0 = auc(labels, scores), labels.sum(), (~labels).sum()
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    return float(np.sqrt((a * (1 - a) + (n1 - 1) * (q1 - a * a) + (n0 - 1) * (q2 - a * a)) / (n1 * n0)))


def test_bootstrap_draws_whole_recordings() -> None:
    """Ten copies of every clip, marked as pieces of one recording, must not make the interval narrower."""
    labels, scores = tied_scores(7, n=30)
    names = [f"r{i}" for i in range(30)]
    once = bootstrap(labels, scores, names, draws=300)
    copies = bootstrap(
        np.repeat(labels, 10), np.repeat(scores, 10), [n for n in names for _ in range(10)], draws=300
    )
    assert copies.interval() == pytest.approx(once.interval(), abs=1e-12)


def test_bootstrap_equals_resampling_by_hand() -> None:
    labels, scores = tied_scores(11, n=20)
    names = [f"r{i:02}" for i in range(20)]
    spread = bootstrap(labels, scores, names, draws=3, seed=4)
    generator = np.random.default_rng(4)
    normal, fault = np.flatnonzero(~labels), np.flatnonzero(labels)
    by_hand = np.zeros((3, 20), dtype=int)
    for members in (normal, fault):
        share = np.full(len(members), 1 / len(members))
        by_hand[:, members] = generator.multinomial(len(members), share, 3)
    for draw, counts in enumerate(by_hand):
        again = np.repeat(np.arange(20), counts)
        assert spread.auc[draw] == pytest.approx(auc(labels[again], scores[again]), abs=1e-12)
        assert spread.pauc[draw] == pytest.approx(pauc(labels[again], scores[again]), abs=1e-12)


def test_bootstrap_keeps_a_fault_with_the_clip_it_was_injected_into() -> None:
    """Recordings with both labels are drawn as one, so a fault that adds to any level cancels the level."""
    level = np.random.default_rng(0).standard_normal(15)
    labels = np.repeat([False, True], 15)
    scores = np.concatenate([level, level + 0.5])
    files = [f"clip{i}" for i in range(15)]
    paired = bootstrap(labels, scores, files * 2)
    apart = bootstrap(labels, scores, files + [f"other{i}" for i in range(15)])
    assert paired.auc.std() < 0.7 * apart.auc.std()


def test_bootstrap_refuses_a_wrong_number_of_recordings() -> None:
    with pytest.raises(InputError, match="2 scores but 1 recordings"):
        bootstrap([0, 1], [0.0, 1.0], ["a"])


@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_f1_ev_is_a_riemann_sum_of_f1_scores(seed: int, bounded: bool) -> None:
    generator = np.random.default_rng(seed)
    labels = generator.random(80) < 0.4
    scores = np.round(generator.standard_normal(80) + labels, 1)
    low, high = scores.min(), scores.max()
    if bounded:
        normal = scores[~labels]
        low = normal.mean()
        high = low + 1.28 * np.sqrt((normal.max() - low) * (low - normal.min()))
    grid = np.linspace(low, high, 401)
    middle = (grid[1:] + grid[:-1]) / 2
    # Between two scores all thresholds raise the same alarms.
    alarms = np.count_nonzero(scores > middle[:, None], axis=1)
    f1 = {n: oracle.f1_score(labels, scores > middle[alarms == n][0], zero_division=0) for n in set(alarms)}
    expected = np.mean([f1[n] for n in alarms])
    assert f1_ev(labels, scores, bounded=bounded) == pytest.approx(expected, abs=5e-3)


def test_f1_ev_of_equal_scores_is_that_of_silence() -> None:
    assert f1_ev([0, 1], [2.0, 2.0]) == 0.0
    # From 1.5, the mean, to 2 one of two alarms is false; from there to 1.5 + 1.28 x 0.5 none is.
    assert f1_ev([0, 0, 1], [1.0, 2.0, 9.0], bounded=True) == pytest.approx((0.5 * 2 / 3 + 0.14) / 0.64)
