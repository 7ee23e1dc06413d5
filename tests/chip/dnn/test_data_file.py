"""Samples and labels: wrong files, shapes and numbers get words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chip.dnn.data_file import load_labels, load_samples
from chip.dnn.label_check import require_labels
from chip.errors import NetworkError


def saved(folder: Path, array: Any) -> Path:
    path = folder / "array.npy"
    np.save(path, array, allow_pickle=True)
    return path


def test_samples_and_labels(tmp_path: Path) -> None:
    assert load_samples(saved(tmp_path, np.ones((3, 2), np.int16))).dtype == np.float32
    assert load_labels(saved(tmp_path, np.array([[0.0], [2.0]])), 2).tolist() == [0, 2]
    assert load_labels(saved(tmp_path, np.array([[0.5, 1], [2, 3]])), 2).shape == (2, 2)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([{"a": 1}], object), "Python objects"),
        (np.array([["a"]]), "instead of numbers"),
        (np.array([[1.0, np.nan]]), r"holds nan at \[0, 1\]"),
        (np.array([[1.0, np.inf]]), r"holds inf at \[0, 1\]"),
        (np.ones(4), "not one sample a row"),
        (np.ones((0, 4)), "no samples"),
        (np.array([[1e300]]), "too large"),
    ],
)
def test_samples_that_cannot_be_used(tmp_path: Path, array: Any, words: str) -> None:
    with pytest.raises(NetworkError, match=words):
        load_samples(saved(tmp_path, array))


def test_files_that_are_no_arrays(tmp_path: Path) -> None:
    path = tmp_path / "text.npy"
    path.write_text("no array")
    for wrong in (path, tmp_path / "none.npy", tmp_path):
        with pytest.raises(NetworkError, match="holds no array"):
            load_samples(wrong)


def test_labels_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="has 3 labels for 4 samples"):
        load_labels(saved(tmp_path, np.arange(3)), 4)
    with pytest.raises(NetworkError, match="has the class -1"):
        load_labels(saved(tmp_path, np.array([0, -1])), 2)
    with pytest.raises(NetworkError, match="has the class 3, and the network has 3"):
        require_labels(np.array([0, 3]), 3, "classifier", "y")
    with pytest.raises(NetworkError, match="holds no classes"):
        require_labels(np.array([0.5, 1.0]), 3, "classifier", "y")
    with pytest.raises(NetworkError, match="has 1 values a sample, and the network 3"):
        require_labels(np.array([0.5, 1.0]), 3, "values", "y")
