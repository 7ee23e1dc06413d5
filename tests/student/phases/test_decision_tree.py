"""A tree of thresholds: that it tells what can be told, in boxes that a chip can have."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.student.phases.decision_tree import DecisionTree, grow_tree

Levels = npt.NDArray[np.int32]


def levels_of(seed: int, count: int = 2000, taps: int = 4) -> Levels:
    return np.random.default_rng(seed).integers(-9, 10, (count, taps)).astype(np.int32)


def grown(levels: Levels, classes: npt.NDArray[np.int64], **changes: int) -> DecisionTree:
    return grow_tree(
        levels, classes, **{"most_leaves": 16, "least": 1, "most_conditions": 8, "most_height": 30} | changes
    )


def test_boxes_that_are_there_are_found() -> None:
    levels = levels_of(0)
    classes = np.where(levels[:, 2] >= 3, 2, np.where(levels[:, 0] >= -4, 1, 0)).astype(np.int64)
    tree = grown(levels, classes)
    assert len(tree.leaves) == 3
    assert {tree.nodes[leaf].box[2] for leaf in tree.leaves} == {(3, None), (None, 3)}
    assert tree.nodes[0].tap == 2
    which = tree.leaf_of(levels)
    assert all(len(np.unique(classes[which == leaf])) == 1 for leaf in tree.leaves)


def test_a_leaf_is_where_all_bounds_of_its_box_hold() -> None:
    levels = levels_of(1)
    tree = grown(levels, (np.abs(levels).sum(axis=1) // 7).astype(np.int64))
    which, unseen = tree.leaf_of(levels), levels_of(2)
    assert len(tree.leaves) == 16
    for sample, leaves in ((levels, which), (unseen, tree.leaf_of(unseen))):
        for leaf in tree.leaves:
            held = np.ones(len(sample), bool)
            for tap, (low, high) in tree.nodes[leaf].box.items():
                held &= (low is None or sample[:, tap] >= low) & (high is None or sample[:, tap] < high)
            assert np.array_equal(held, leaves == leaf)


def test_nodes_hold_the_leaves_below_them() -> None:
    levels = levels_of(3)
    tree = grown(levels, (levels[:, 0] // 3 + 10).astype(np.int64), most_leaves=6)
    within = tree.within()
    assert within.shape == (6, 11)
    assert within[:, 0].all()
    for row, leaf in enumerate(tree.leaves):
        box = tree.nodes[leaf].box
        for number in np.flatnonzero(within[row]).tolist():
            assert set(tree.nodes[number].box) <= set(box)
    # Two children share out what their parent holds.
    for number, node in enumerate(tree.nodes):
        if node.tap is not None:
            parts = within[:, node.lower].astype(int) + within[:, node.upper]
            assert np.array_equal(parts, within[:, number])


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_box_has_no_more_bounds_than_a_neuron_has_synapses_for(most: int) -> None:
    levels = levels_of(4)
    tree = grown(levels, (np.abs(levels).sum(axis=1) // 5).astype(np.int64), most_conditions=most)
    assert len(tree.leaves) > 1
    assert max(node.conditions for node in tree.nodes) == most


def test_heights_are_within_what_a_threshold_can_be() -> None:
    levels = 10 * levels_of(5)
    tree = grown(levels, (levels[:, 1] >= 70).astype(np.int64) + 2 * (levels[:, 0] < -60), most_height=32)
    assert all(-32 < node.height <= 32 for node in tree.nodes if node.tap is not None)


def test_few_moments_on_a_side_are_no_split() -> None:
    levels = levels_of(6, count=100)
    classes = (np.arange(100) < 4).astype(np.int64)
    levels[:, 1] = classes
    assert grown(levels, classes, least=4, most_leaves=2).nodes[0].tap == 1
    tree = grown(levels, classes, least=5)
    which, sizes = np.unique(tree.leaf_of(levels), return_counts=True)
    assert sizes.min() >= 5
    assert len(which) == len(tree.leaves)


def test_what_cannot_be_told_is_one_leaf() -> None:
    levels = levels_of(7)
    assert grown(levels, np.zeros(len(levels), np.int64)).leaves == [0]
    assert grown(np.zeros_like(levels), (levels[:, 0] > 0).astype(np.int64)).leaves == [0]
