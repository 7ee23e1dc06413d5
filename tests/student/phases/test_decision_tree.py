"""Decision tree: separates separable classes, in boxes that a chip can implement."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.student.phases.decision_tree import DecisionTree, grow_tree

Levels = npt.NDArray[np.int32]


def levels_of(seed: int, count: int = 2000, taps: int = 4) -> Levels:
    return np.random.default_rng(seed).integers(-9, 10, (count, taps)).astype(np.int32)


def grow(levels: Levels, classes: npt.NDArray[np.int64], **changes: int) -> DecisionTree:
    return grow_tree(
        levels,
        classes,
        **{"max_leaves": 16, "min_samples": 1, "max_conditions": 8, "max_threshold": 30} | changes,
    )


def test_boxes_of_the_classes_are_found() -> None:
    levels = levels_of(0)
    classes = np.where(levels[:, 2] >= 3, 2, np.where(levels[:, 0] >= -4, 1, 0)).astype(np.int64)
    tree = grow(levels, classes)
    assert len(tree.leaves) == 3
    assert {tree.nodes[leaf].box[2] for leaf in tree.leaves} == {(3, None), (None, 3)}
    assert tree.nodes[0].tap == 2
    leaf_numbers = tree.leaf_of(levels)
    assert all(len(np.unique(classes[leaf_numbers == leaf])) == 1 for leaf in tree.leaves)


def test_a_leaf_contains_levels_within_all_bounds_of_its_box() -> None:
    levels = levels_of(1)
    tree = grow(levels, (np.abs(levels).sum(axis=1) // 7).astype(np.int64))
    leaf_numbers, unseen = tree.leaf_of(levels), levels_of(2)
    assert len(tree.leaves) == 16
    for sample, leaves in ((levels, leaf_numbers), (unseen, tree.leaf_of(unseen))):
        for leaf in tree.leaves:
            inside = np.ones(len(sample), bool)
            for tap, (low, high) in tree.nodes[leaf].box.items():
                inside &= (low is None or sample[:, tap] >= low) & (high is None or sample[:, tap] < high)
            assert np.array_equal(inside, leaves == leaf)


def test_ancestors_of_a_leaf_contain_it() -> None:
    levels = levels_of(3)
    tree = grow(levels, (levels[:, 0] // 3 + 10).astype(np.int64), max_leaves=6)
    ancestors = tree.leaf_ancestors()
    assert ancestors.shape == (6, 11)
    assert ancestors[:, 0].all()
    for row, leaf in enumerate(tree.leaves):
        box = tree.nodes[leaf].box
        for number in np.flatnonzero(ancestors[row]).tolist():
            assert set(tree.nodes[number].box) <= set(box)
    # Each leaf of a parent is in exactly one of its children.
    for number, node in enumerate(tree.nodes):
        if node.tap is not None:
            parts = ancestors[:, node.lower].astype(int) + ancestors[:, node.upper]
            assert np.array_equal(parts, ancestors[:, number])


@pytest.mark.parametrize("max_conditions", [1, 2, 3])
def test_boxes_have_no_more_bounds_than_allowed(max_conditions: int) -> None:
    levels = levels_of(4)
    tree = grow(levels, (np.abs(levels).sum(axis=1) // 5).astype(np.int64), max_conditions=max_conditions)
    assert len(tree.leaves) > 1
    assert max(node.conditions for node in tree.nodes) == max_conditions


def test_thresholds_are_within_the_limit() -> None:
    levels = 10 * levels_of(5)
    tree = grow(levels, (levels[:, 1] >= 70).astype(np.int64) + 2 * (levels[:, 0] < -60), max_threshold=32)
    assert all(-32 < node.threshold <= 32 for node in tree.nodes if node.tap is not None)


def test_a_split_has_enough_moments_on_either_side() -> None:
    levels = levels_of(6, count=100)
    classes = (np.arange(100) < 4).astype(np.int64)
    levels[:, 1] = classes
    assert grow(levels, classes, min_samples=4, max_leaves=2).nodes[0].tap == 1
    tree = grow(levels, classes, min_samples=5)
    leaf_numbers, sizes = np.unique(tree.leaf_of(levels), return_counts=True)
    assert sizes.min() >= 5
    assert len(leaf_numbers) == len(tree.leaves)


def test_inseparable_classes_give_one_leaf() -> None:
    levels = levels_of(7)
    assert grow(levels, np.zeros(len(levels), np.int64)).leaves == [0]
    assert grow(np.zeros_like(levels), (levels[:, 0] > 0).astype(np.int64)).leaves == [0]
