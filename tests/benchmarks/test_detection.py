"""Figures of the detection bench."""

import json
from pathlib import Path

import numpy as np
import pytest

import detection
from anomaly.evaluate.bench.rounds import Round, Rounds
from lib.contestants import variant_names


def test_prints_the_figures_as_json(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "--json",
        "--quick",
        "--recordings",
        str(recordings),
        "--cache",
        str(tmp_path),
        "--sets",
        "slider-fault",
    ]
    chosen = ["--detectors", "mean_knn", "--detectors", "frame_mahalanobis", "--detectors", "mahalanobis"]
    assert detection.main([*words, *chosen]) == 0
    result = json.loads(capsys.readouterr().out)
    levels = result["sets"]["slider-fault"]
    assert list(levels) == ["0", "-5", "-10", "-15"]
    for row in levels.values():
        assert set(row) == {"mean_knn", "mahalanobis", "frame_mahalanobis"}
        for figures in row.values():
            assert figures["ci"][0] <= figures["auc"] <= figures["ci"][1]
            assert {"pauc", "pauc_ci", "f1_ev", "faults"} <= set(figures)
    assert len(result["frame_mahalanobis_variants"]) == 6
    best = result["frame_mahalanobis_variant"]
    variants = {name: one["auc"] for name, one in result["frame_mahalanobis_variants"].items()}
    assert variants[best] == max(variants.values())
    assert result["mean_over_sets"]["frame_mahalanobis"]["auc"] == pytest.approx(variants[best])
    assert result["smallest_difference_told"]["slider-fault"]["0"] >= 0
    assert len(list(tmp_path.iterdir())) == 3


def random_rounds() -> Rounds:
    labels = [False] * 20 + [True] * 20
    generator = np.random.default_rng(0)
    names = (
        "teacher",
        *(n for n in detection.DETECTORS[1:-1]),
        *sorted(variant_names()),
    )
    return {
        ("rig", "0", name): [
            Round(
                (generator.standard_normal(40) + (2.0 - 0.1 * i) * np.array(labels)).tolist(),
                labels,
                [None] * 20 + ["rub"] * 20,
                [str(i) for i in range(40)],
                [None] * 40,
            )
        ]
        for i, name in enumerate(names)
    }


def test_the_teacher_is_compared_with_every_baseline() -> None:
    figures = detection.report(random_rounds())
    assert set(figures["sets"]["rig"]["0"]) == set(detection.DETECTORS)
    assert set(figures["teacher_less"]) == set(detection.DETECTORS[1:])
    assert isinstance(figures["teacher_significantly_below_dcase_ae"], list)
    json.dumps(figures)


def test_without_recordings_only_simulated_sets_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--recordings", str(tmp_path / "none"), "--cache", str(tmp_path), "--detectors", "mean_knn"]
    assert detection.main([*words, "--sets", "rig"]) == 4
    shown = capsys.readouterr().err
    assert "simulated sets only" in shown
    assert "rig needs real recordings" in shown
