"""Direct conversion keeps the teacher's own weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.teacher.export import to_onnx
from lib.distillation.conversion import (
    FRAMES,
    adder_tree_size,
    linear_teacher,
    neurons_needed,
    round_largest,
    rows_of,
)


def segments() -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    mixed = generator.standard_normal((32, 32)) * 0.3 + np.eye(32)
    return [np.rint(300 * generator.standard_normal((90, 32)) @ mixed).astype(np.int32) for _ in range(6)]


def test_rows_are_the_maps_that_the_teacher_squares() -> None:
    teacher = linear_teacher(segments(), seed=0)
    rows, channels = rows_of(teacher)
    assert rows.shape == (32, FRAMES * 32)
    assert np.array_equal(np.bincount(channels), [2] * SUB_BAND_GROUPS)
    teacher.autoencoder.linear.bias.data.zero_()
    standard = (torch.from_numpy(segments()[0].astype(np.float32)) - teacher.mean) / teacher.deviation
    windows = standard.unfold(0, FRAMES, 1).transpose(1, 2)
    with torch.no_grad():
        theirs = (teacher.autoencoder.innovation(windows) @ teacher.innovation_matrix).numpy()
    levels = standard.double().numpy()
    taps = np.concatenate([levels[FRAMES - 1 - d : len(levels) - d] for d in range(FRAMES)], axis=1)
    assert taps @ rows.T == pytest.approx(theirs, rel=1e-3, abs=1e-3)


def test_a_row_keeps_its_largest_weights() -> None:
    row = np.array([0.1, -3.1, 0.0, 2.0, 0.5])
    assert round_largest(row, 3, 31).tolist() == [0, -31, 0, 20, 5]
    assert np.count_nonzero(round_largest(np.ones(60), 25, 31)) == 25


def test_sums_of_many_inputs_are_trees() -> None:
    assert [adder_tree_size(inputs, 25) for inputs in (1, 25, 26, 625, 626)] == [1, 1, 3, 26, 29]


def test_the_whole_teacher_needs_the_neurons_of_its_layers() -> None:
    teacher = linear_teacher(segments(), seed=0)
    needed = neurons_needed(to_onnx(teacher), 25, 4)
    # Lower bound: 32 whitened outputs with four one-sided neurons each, and relays.
    squared = 32 * (adder_tree_size(32, 25) + 4)
    assert needed > squared + 2 * 32 * 4 + SUB_BAND_GROUPS
