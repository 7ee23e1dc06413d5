"""Decision tree over thresholds of single levels that separates classes of moments, grown best split first.

Every split compares one tap's level with a threshold, which one neuron with one synapse can do. A node is a box: bounds
of some taps, all of which hold. The split that reduces the entropy of classes most is applied first (CART; Breiman et
al., 1984), until the tree has enough leaves::

    gain = H(node) - H(below) - H(above)      H(n) = -sum_c n_c log(n_c / sum n)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anomaly.student.arrays import Floats, Integers

# Bounds of a tap's level inside a box: at least the first, below the second; None where it has no bound.
Bounds = tuple[int | None, int | None]
Box = Mapping[int, Bounds]


@dataclass(frozen=True)
class TreeNode:
    """Node of a decision tree over levels: a box, and the level that splits it.

    Args:
        box: bounds by tap.
        tap, threshold: levels at or above the threshold belong to ``upper``, others to ``lower``; tap None in a leaf.
        lower, upper: numbers of the two child nodes.
    """

    box: Box
    tap: int | None = None
    threshold: int = 0
    lower: int = 0
    upper: int = 0

    @property
    def conditions(self) -> int:
        """Number of bounds of the box."""
        return sum(bound is not None for bounds in self.box.values() for bound in bounds)


@dataclass(frozen=True)
class DecisionTree:
    """A tree of nested boxes; node 0 is unbounded.

    Args:
        nodes: all of them, children after their parents.
    """

    nodes: tuple[TreeNode, ...]

    @property
    def leaves(self) -> list[int]:
        """Numbers of the nodes without a split."""
        return [number for number, node in enumerate(self.nodes) if node.tap is None]

    def leaf_of(self, levels: Integers) -> npt.NDArray[np.int64]:
        """Return the number of the leaf that contains each of the levels [n, taps]."""
        found = np.zeros(len(levels), np.int64)
        for number, node in enumerate(self.nodes):
            if node.tap is not None:
                here = np.flatnonzero(found == number)
                above = levels[here, node.tap] >= node.threshold
                found[here] = np.where(above, node.upper, node.lower)
        return found

    def leaf_ancestors(self) -> npt.NDArray[np.bool_]:
        """Return whether each node contains each leaf, the leaf itself included, [leaves, nodes]."""
        inside = np.eye(len(self.nodes), dtype=bool)
        for number in range(len(self.nodes) - 1, -1, -1):
            node = self.nodes[number]
            if node.tap is not None:
                inside[:, number] |= inside[:, node.lower] | inside[:, node.upper]
        return np.asarray(inside[self.leaves])


@dataclass
class _SplitSearch:
    """Best split of each open node of a growing tree: gain, tap and threshold by node."""

    levels: Integers
    one_hot: npt.NDArray[np.float32]
    min_samples: int
    max_threshold: int
    best: dict[int, tuple[float, int, int]] = field(default_factory=dict)

    def add(self, number: int, rows: npt.NDArray[np.int64]) -> None:
        """Find the split of a node with the highest information gain, if there is any."""
        one_hot = self.one_hot[rows]
        total = one_hot.sum(axis=0, dtype=np.float64)
        before, best = float(_entropy(total)), (0.0, -1, 0)
        for tap in range(self.levels.shape[1]):
            values = self.levels[rows, tap]
            first = int(values.min())
            below = _class_counts(values - first, one_hot).cumsum(axis=0)[:-1]
            thresholds = first + 1 + np.arange(len(below))
            size = below.sum(axis=1)
            gain = before - _entropy(below) - _entropy(total - below)
            gain[(size < self.min_samples) | (len(rows) - size < self.min_samples)] = -1.0
            # A threshold below 1 is implemented by a neuron that fires while the level is below it.
            gain[(thresholds > self.max_threshold) | (thresholds <= -self.max_threshold)] = -1.0
            if len(gain) and gain.max() > best[0]:
                chosen = int(gain.argmax())
                best = float(gain[chosen]), tap, int(thresholds[chosen])
        if best[0] > 0:
            self.best[number] = best


def grow_tree(
    levels: Integers,
    classes: npt.NDArray[np.int64],
    *,
    max_leaves: int,
    min_samples: int,
    max_conditions: int,
    max_threshold: int,
) -> DecisionTree:
    """Grow a tree that separates classes.

    Args:
        levels: whole numbers, [n, taps].
        classes: of each moment, from 0 on, [n].
        max_leaves: number of leaves at which growth stops.
        min_samples: moments on either side of a split.
        max_conditions: bounds of a box.
        max_threshold: largest magnitude of a threshold.
    """
    one_hot = np.eye(int(classes.max(initial=0)) + 1, dtype=np.float32)[classes]
    search = _SplitSearch(levels, one_hot, min_samples, max_threshold)
    nodes, inside = [TreeNode({})], {0: np.arange(len(levels))}
    search.add(0, inside[0])
    while search.best and len(inside) < max_leaves:
        number = max(search.best, key=lambda one: search.best[one][0])
        _, tap, threshold = search.best.pop(number)
        low, high = nodes[number].box.get(tap, (None, None))
        boxes = (
            {**nodes[number].box, tap: (low, threshold)},
            {**nodes[number].box, tap: (threshold, high)},
        )
        if max(TreeNode(box).conditions for box in boxes) > max_conditions:
            continue
        lower = len(nodes)
        nodes[number] = TreeNode(nodes[number].box, tap, threshold, lower, lower + 1)
        rows = inside.pop(number)
        above = levels[rows, tap] >= threshold
        for box, part in zip(boxes, (rows[~above], rows[above]), strict=True):
            inside[len(nodes)] = part
            search.add(len(nodes), part)
            nodes.append(TreeNode(box))
    return DecisionTree(tuple(nodes))


def _class_counts(values: Integers, one_hot: npt.NDArray[np.float32]) -> Floats:
    """Count the members of each class at each value, [values, classes]."""
    each = np.zeros((len(values), int(values.max(initial=0)) + 1), np.float32)
    each[np.arange(len(values)), values] = 1.0
    return np.asarray(each.T @ one_hot, dtype=np.float64)


def _entropy(counts: Floats) -> Floats:
    """Return the entropy of classes times their number, [...], of counts [..., classes]."""
    total = counts.sum(axis=-1, keepdims=True)
    share = counts / np.maximum(total, 1.0)
    return np.asarray(-(counts * np.log(np.maximum(share, 1e-12))).sum(axis=-1))
