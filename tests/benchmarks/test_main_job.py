import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import main_job
import numpy as np
import pytest
from harness import Figures, Round, Score, lines, play, shared_training, sum_up
from sets import DetectionSet, LabelledClip

LEVELS = {"slider-fault": ["0", "-5", "-10"], "bldc-mix": ["6", "0", "-6"]}


def test_prints_the_figures_as_json(recordings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main_job.main(["--json", "--quick", "--only", "mean_knn", "--recordings", str(recordings)]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert {name: list(levels) for name, levels in result["sets"].items()} == LEVELS
    for levels in result["sets"].values():
        for detectors in levels.values():
            assert list(detectors) == ["mean_knn"]
            figures = detectors["mean_knn"]
            assert figures["ci"][0] <= figures["auc"] <= figures["ci"][1] <= 1.0
            assert 0.0 <= figures["pauc"] <= 1.0
            assert figures["faults"]
    assert result["seeds"] == 1
    assert result["peak_gib"] > 0
    assert "training mean_knn" in printed.err


def test_table_has_a_line_per_set_level_and_detector() -> None:
    figures = Figures(0.9, 0.75, (0.8, 0.95), {"rub": 0.9})
    table = list(
        lines({"slider-fault": {"0": {"student": figures, "teacher": figures}, "-5": {"student": figures}}})
    )
    assert table[0].split()[:4] == ["set", "dB", "detector", "AUC"]
    assert table[1].split() == [
        "slider-fault",
        "0",
        "student",
        "0.900",
        "0.800–0.950",
        "0.750",
        "rub",
        "0.90",
    ]
    assert len(table) == 4


def test_missing_recordings_exit_with_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main_job.main(["--only", "mean_knn", "--recordings", str(tmp_path / "none")]) == 4
    assert "no such folder" in capsys.readouterr().err


def some_set(level_db: float, train: list[np.ndarray]) -> DetectionSet:
    test = [
        LabelledClip(np.full(4, i, np.float32), "anomaly" if i > 4 else "normal", None, str(i))
        for i in range(9)
    ]
    return DetectionSet("some", level_db, train, test)


def test_sets_that_share_their_sound_are_trained_on_once() -> None:
    train = [np.zeros(16_000, np.float32)]
    trained: list[int] = []

    def training(clips: Sequence[np.ndarray], seed: int) -> Mapping[str, Score]:
        trained.append(seed)
        return {"sum": lambda samples: float(samples.sum())}

    group = [some_set(0.0, train), some_set(-5.0, train), some_set(6.0, list(train))]
    assert [len(g) for g in shared_training(group)] == [2, 1]
    rounds: dict[tuple[str, str, str], list[Round]] = {}
    for seed in (0, 1):
        play(rounds, group, seed, {"it": training})
    assert trained == [0, 0, 1, 1]
    results = sum_up(rounds)
    assert list(results["some"]) == ["0", "-5", "6"]
    assert results["some"]["0"]["sum"].auc == 1.0
    assert results["some"]["0"]["sum"].ci == (1.0, 1.0)


def test_figures_are_means_over_seeds() -> None:
    def played(scores: list[float]) -> Round:
        return Round(scores, [False, False, True, True], [None, None, "rub", "leak"], list("abcd"))

    figures = sum_up({("s", "0", "d"): [played([0, 1, 2, 3]), played([0, 1, 0.5, 3])]})["s"]["0"]["d"]
    assert figures.auc == pytest.approx((1.0 + 0.75) / 2)
    assert figures.faults == {"leak": 1.0, "rub": 0.75}
