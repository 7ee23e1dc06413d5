from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from anomaly.errors import InputError
from anomaly.evaluate.bench import DetectionSet, LabelledClip
from anomaly.evaluate.bench.rounds import BenchDetector, RoundCache, Rounds, Score, run_rounds
from anomaly.evaluate.bench.sets import same_training
from anomaly.evaluate.bench.summary import summarise_rounds


def some_set(level: float, train: list[np.ndarray]) -> DetectionSet:
    test = [
        LabelledClip(np.full(4, i, np.float32), "anomaly" if i > 4 else "normal", None, str(i))
        for i in range(9)
    ]
    return DetectionSet("some", level, train, test)


class Summing:
    """A contestant that counts how often it is trained."""

    def __init__(self) -> None:
        self.trained: list[int] = []

    def __call__(self, clips: Sequence[np.ndarray], seed: int) -> Mapping[str, Score]:
        self.trained.append(seed)
        return {"sum": lambda clips: [float(samples.sum()) for samples in clips]}


TRAIN = [np.zeros(16_000, np.float32)]


def test_sets_that_share_their_sound_are_trained_on_once() -> None:
    fit = Summing()
    groups = same_training([some_set(0.0, TRAIN), some_set(-5.0, TRAIN), some_set(6.0, list(TRAIN))])
    assert [len(group) for group in groups] == [2, 1]
    rounds: Rounds = {}
    for seed in (0, 1):
        for group in groups:
            run_rounds(rounds, group, seed, [BenchDetector("it", fit)])
    assert fit.trained == [0, 0, 1, 1]
    results = summarise_rounds(rounds)
    assert list(results["some"]) == ["0", "-5", "6"]
    assert results["some"]["0"]["sum"].auc == 1.0
    assert results["some"]["0"]["sum"].ci == (1.0, 1.0)


def test_what_was_scored_is_not_scored_again(tmp_path: Path) -> None:
    fit, group, lines = Summing(), [some_set(0.0, TRAIN)], list[str]()
    first: Rounds = {}
    again: Rounds = {}
    run_rounds(first, group, 0, [BenchDetector("it", fit, "v1")], cache=RoundCache(tmp_path))
    run_rounds(
        again, group, 0, [BenchDetector("it", fit, "v1")], cache=RoundCache(tmp_path), log=lines.append
    )
    assert fit.trained == [0]
    assert again == first
    assert lines == ["some 0, seed 0: it was scored before"]


@pytest.mark.parametrize("change", ["code", "seed", "sound", "damage"])
def test_what_changed_is_scored_again(tmp_path: Path, change: str) -> None:
    fit, cache = Summing(), RoundCache(tmp_path)
    run_rounds({}, [some_set(0.0, TRAIN)], 0, [BenchDetector("it", fit, "v1")], cache=cache)
    if change == "damage":
        next(tmp_path.iterdir()).write_text("{")
    train = [np.ones(16_000, np.float32)] if change == "sound" else TRAIN
    detector = BenchDetector("it", fit, "v2" if change == "code" else "v1")
    run_rounds({}, [some_set(0.0, train)], int(change == "seed"), [detector], cache=cache)
    assert len(fit.trained) == 2


def test_a_score_that_is_no_number_is_refused() -> None:
    def fit(clips: Sequence[np.ndarray], seed: int) -> Mapping[str, Score]:
        return {"broken": lambda clips: [float("nan")] * len(clips)}

    with pytest.raises(InputError, match="broken gave a score that is no finite number"):
        run_rounds({}, [some_set(0.0, TRAIN)], 0, [BenchDetector("it", fit)])
