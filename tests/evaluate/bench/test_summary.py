import numpy as np
import pytest

from anomaly.errors import InputError
from anomaly.evaluate.bench.comparison import compare_detectors, mean_over_sets, resolutions
from anomaly.evaluate.bench.rounds import Round, Rounds
from anomaly.evaluate.bench.summary import difference, figures_of, summarise_rounds
from anomaly.evaluate.metrics.detection_metrics import pauc

GENERATOR = np.random.default_rng(0)
LABELS = [False] * 40 + [True] * 60
PLACES = ["source", "target"] * 50


def played(gap: float, recordings: str = "r", seed: int = 0) -> Round:
    scores = np.random.default_rng(seed).standard_normal(100) + gap * np.array(LABELS)
    faults = [None if not anomalous else ("rub", "leak")[i % 2] for i, anomalous in enumerate(LABELS)]
    return Round(scores.tolist(), LABELS, faults, [f"{recordings}{i}" for i in range(100)], PLACES, 2.0)


def test_figures_are_means_over_seeds() -> None:
    def four(scores: list[float]) -> Round:
        return Round(
            scores, [False, False, True, True], [None, None, "rub", "leak"], list("abcd"), [None] * 4
        )

    figures = figures_of([four([0, 1, 2, 3]), four([0, 1, 0.5, 3])])
    assert figures.auc == pytest.approx((1.0 + 0.75) / 2)
    assert figures.faults == {"leak": 1.0, "rub": 0.75}
    assert figures.conditions == {}


def test_figures_by_condition_and_fault() -> None:
    figures = figures_of([played(1.0)])
    assert set(figures.conditions) == {"source", "target"}
    assert set(figures.faults) == set(figures.fault_pauc) == set(figures.fault_f1_ev) == {"rub", "leak"}
    one = played(1.0)
    rub = [i for i, fault in enumerate(one.faults) if fault != "leak"]
    expected = pauc([one.labels[i] for i in rub], [one.scores[i] for i in rub])
    assert figures.fault_pauc["rub"] == pytest.approx(expected)
    assert figures.ci[0] < figures.auc < figures.ci[1]
    assert figures.pauc_ci[0] < figures.pauc < figures.pauc_ci[1]
    assert 0.0 < figures.f1_ev < 1.0
    assert figures.train_s == 2.0


def test_seeds_with_recordings_of_their_own_narrow_the_interval() -> None:
    one = figures_of([played(1.0, "a", 1)])
    three = figures_of([played(1.0, name, seed) for seed, name in enumerate("abc", start=1)])
    assert three.ci[1] - three.ci[0] < 0.8 * (one.ci[1] - one.ci[0])


def test_a_difference_is_judged_on_the_same_draws() -> None:
    strong, weak = [played(2.0)], [played(0.5)]
    gap = difference(strong, weak)
    assert gap.auc == pytest.approx(figures_of(strong).auc - figures_of(weak).auc)
    assert gap.significant == 1
    assert difference(weak, strong).significant == -1
    assert gap.p <= 0.01
    none = difference(strong, strong)
    assert (none.auc, none.ci, none.p, none.significant) == (0.0, (0.0, 0.0), 1.0, 0)
    with pytest.raises(InputError, match="same clips"):
        difference(strong, [played(2.0, "other")])


def test_a_contest_over_sets() -> None:
    rounds: Rounds = {}
    for name, gaps in (("a", (0.5, 1.0)), ("b", (2.0,))):
        for level, gap in enumerate(gaps):
            rounds[name, str(level), "ours"] = [played(gap + 0.8, name)]
            rounds[name, str(level), "theirs"] = [played(gap, name)]
    rounds["b", "0", "alone"] = [played(0.1, "b")]
    duel = compare_detectors(rounds, "ours", "theirs")
    assert duel is not None
    assert set(duel.sets) == {"a", "b"}
    of_a = np.mean([duel.levels["a"]["0"].auc, duel.levels["a"]["1"].auc])
    assert duel.overall.auc == pytest.approx(np.mean([of_a, duel.levels["b"]["0"].auc]))
    assert "a 0" in duel.significantly_above
    assert duel.significantly_below == []
    assert duel.as_json()["significantly_above"] == duel.significantly_above
    assert compare_detectors(rounds, "ours", "nobody") is None
    means = mean_over_sets(summarise_rounds({key: one for key, one in rounds.items() if key[2] != "alone"}))
    assert means["ours"]["auc"] - means["theirs"]["auc"] == pytest.approx(duel.overall.auc)


def test_only_sets_with_every_detector_count_for_the_mean() -> None:
    rounds: Rounds = {
        ("a", "0", "x"): [played(1.0)],
        ("a", "0", "y"): [played(2.0)],
        ("b", "0", "x"): [played(9.0)],
    }
    results = summarise_rounds(rounds)
    assert mean_over_sets(results)["x"]["auc"] == results["a"]["0"]["x"].auc
    assert mean_over_sets({}) == {}


def test_resolution_of_a_set() -> None:
    rounds: Rounds = {("a", "0", name): [played(gap)] for name, gap in (("x", 1.0), ("y", 0.5))}
    one = resolutions(rounds)["a"]["0"]
    assert (one.normals, one.anomalies, one.normal_recordings, one.anomalous_recordings) == (40, 60, 40, 60)
    # Hanley and McNeil (Radiology 143, 1982) give 0.045 to 0.06 for such counts and AUCs.
    assert 0.03 < one.sd < 0.07
    assert one.least > 0
