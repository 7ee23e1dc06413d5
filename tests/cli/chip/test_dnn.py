"""`anomaly chip from-onnx` and `anomaly chip run`: figures, outputs, and errors in every argument."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from anomaly.cli import run
from support.small_networks import blobs, classifier

KEYS = {
    "fits", "routed", "verified", "neurons", "synapses", "steps", "sop_per_sample", "accuracy_dnn", "accuracy_chip",
    "agreement", "seconds",
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, samples, labels, and the converted folder."""
    folder = tmp_path_factory.mktemp("dnn")
    samples, labels = blobs()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            classifier(), (torch.tensor(samples[:1]),), folder / "m.onnx", dynamo=False,
            input_names=["x"], dynamic_axes={"x": {0: "n"}},
        )  # fmt: skip
    np.save(folder / "X.npy", samples)
    np.save(folder / "y.npy", labels)
    return folder


@pytest.fixture(scope="module")
def folder(files: Path) -> Path:
    words = [
        "--data",
        str(files / "X.npy"),
        "--steps",
        "16",
        "--training-steps",
        "60",
        "--out",
        str(files / "out"),
    ]
    assert run(["chip", "from-onnx", str(files / "m.onnx"), *words]) == 0
    return files / "out"


def test_figures(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--data", str(files / "X.npy"), "--labels", str(files / "y.npy"), "--out", str(tmp_path / "out")]
    words += ["--steps", "8", "--training-steps", "20", "--max-neurons", "40", "--json"]
    assert run(["chip", "from-onnx", str(files / "m.onnx"), *words]) == 0
    shown = capsys.readouterr()
    figures = json.loads(shown.out)
    assert set(figures) == KEYS
    assert figures["neurons"] <= 40
    assert 0 <= figures["accuracy_chip"] <= 1
    assert "place and route" in shown.err
    assert "routed and verified" in shown.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "io.json", "network.bit", "report.html", "report.json",
    ]  # fmt: skip


def test_without_labels_accuracies_are_null(folder: Path) -> None:
    figures = json.loads((folder / "report.json").read_text())
    assert (figures["accuracy_dnn"], figures["accuracy_chip"]) == (None, None)
    assert figures["agreement"] > 0.5


def test_run(folder: Path, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["chip", "run", str(folder), "--data", str(files / "X.npy")]
    assert run([*words, "--labels", str(files / "y.npy"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"outputs", "predicted", "accuracy"}
    assert np.shape(found["outputs"]) == (240, 3)
    assert found["accuracy"] is not None
    assert run(words) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 240
    assert "synaptic operations" in shown.err


@pytest.mark.parametrize(
    ("option", "array", "code", "words"),
    [
        ("--data", np.array([{"a": 1}], object), 4, "Python objects"),
        ("--data", np.full((3, 12), np.nan), 4, "holds nan at [0, 0]"),
        ("--data", np.ones((3, 5)), 4, "takes samples of 12, and the data has 5"),
        ("--labels", np.arange(7), 4, "has 7 labels for 240 samples"),
        ("--labels", np.full(240, 3), 4, "class 3"),
    ],
)
def test_errors_of_from_onnx(
    files: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    array: np.ndarray,
    code: int,
    words: str,
) -> None:
    np.save(tmp_path / "wrong.npy", array, allow_pickle=True)
    given = {"--data": str(files / "X.npy")} | {option: str(tmp_path / "wrong.npy")}
    listed = [word for pair in given.items() for word in pair]
    assert run(["chip", "from-onnx", str(files / "m.onnx"), *listed, "--out", str(tmp_path / "out")]) == code
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_errors_of_run(folder: Path, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "five.npy", np.ones((3, 5)))
    assert run(["chip", "run", str(folder), "--data", str(tmp_path / "five.npy")]) == 4
    assert "a sample has 12 values" in capsys.readouterr().err
    assert run(["chip", "run", str(tmp_path / "none"), "--data", str(files / "X.npy")]) == 5
    assert run(["chip", "run", str(folder), "--data", str(tmp_path / "none.npy")]) == 4
    assert run(["chip", "run", str(folder), "--data", str(files / "X.npy"), "--arch", "senna-4096"]) == 5
