"""A tree of thresholds of single levels that tells classes of moments apart, best split first.

Every split asks of one tap whether its level has reached a height, which one neuron with one synapse can tell. A node
is a box: bounds of some taps, all of which hold. Splits are chosen by the information that they give (CART with
entropy; Breiman et al., 1984), the one that gives most first, until there are as many leaves as are wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anomaly.student.closed_form.integer_weights import Floats, Integers

# Lowest and highest level of a tap inside a box: at least the first, below the second; None where it has no bound.
Bounds = tuple[int | None, int | None]
Box = Mapping[int, Bounds]


@dataclass(frozen=True)
class TreeNode:
    """A box and how it is parted.

    Args:
        box: bounds by tap.
        tap, height: those at or beyond the height go to ``upper``; None in a leaf.
        lower, upper: numbers of the two nodes.
    """

    box: Box
    tap: int | None = None
    height: int = 0
    lower: int = 0
    upper: int = 0

    @property
    def conditions(self) -> int:
        """How many bounds must hold."""
        return sum(bound is not None for bounds in self.box.values() for bound in bounds)


@dataclass(frozen=True)
class DecisionTree:
    """Boxes within boxes; node 0 is everything.

    Args:
        nodes: all of them, children after their parents.
    """

    nodes: tuple[TreeNode, ...]

    @property
    def leaves(self) -> list[int]:
        """Numbers of the nodes that are not parted."""
        return [number for number, node in enumerate(self.nodes) if node.tap is None]

    def leaf_of(self, levels: Integers) -> npt.NDArray[np.int64]:
        """Number of the leaf that levels [n, taps] lie in."""
        found = np.zeros(len(levels), np.int64)
        for number, node in enumerate(self.nodes):
            if node.tap is not None:
                here = np.flatnonzero(found == number)
                beyond = levels[here, node.tap] >= node.height
                found[here] = np.where(beyond, node.upper, node.lower)
        return found

    def within(self) -> npt.NDArray[np.bool_]:
        """Which nodes each leaf lies in, itself included, [leaves, nodes]."""
        inside = np.eye(len(self.nodes), dtype=bool)
        for number in range(len(self.nodes) - 1, -1, -1):
            node = self.nodes[number]
            if node.tap is not None:
                inside[:, number] |= inside[:, node.lower] | inside[:, node.upper]
        return np.asarray(inside[self.leaves])


@dataclass
class _Growing:
    """What a tree is grown from."""

    levels: Integers
    member: npt.NDArray[np.float32]
    least: int
    most_height: int
    best: dict[int, tuple[float, int, int]] = field(default_factory=dict)

    def consider(self, number: int, rows: npt.NDArray[np.int64]) -> None:
        """Find the split of a node that gives most information, if there is any."""
        member = self.member[rows]
        whole = member.sum(axis=0, dtype=np.float64)
        before, best = float(_entropy(whole)), (0.0, -1, 0)
        for tap in range(self.levels.shape[1]):
            own = self.levels[rows, tap]
            first = int(own.min())
            below = _counts(own - first, member).cumsum(axis=0)[:-1]
            heights = first + 1 + np.arange(len(below))
            size = below.sum(axis=1)
            gain = before - _entropy(below) - _entropy(whole - below)
            gain[(size < self.least) | (len(rows) - size < self.least)] = -1.0
            # Below 1 a neuron hears that the level is under the height.
            gain[(heights > self.most_height) | (heights <= -self.most_height)] = -1.0
            if len(gain) and gain.max() > best[0]:
                chosen = int(gain.argmax())
                best = float(gain[chosen]), tap, int(heights[chosen])
        if best[0] > 0:
            self.best[number] = best


def grow_tree(
    levels: Integers,
    classes: npt.NDArray[np.int64],
    *,
    most_leaves: int,
    least: int,
    most_conditions: int,
    most_height: int,
) -> DecisionTree:
    """Grow a tree that tells classes apart.

    Args:
        levels: whole numbers, [n, taps].
        classes: of each moment, from 0 on, [n].
        most_leaves: when to stop.
        least: moments on either side of a split.
        most_conditions: bounds of a box.
        most_height: magnitude of a height.
    """
    member = np.eye(int(classes.max(initial=0)) + 1, dtype=np.float32)[classes]
    growing = _Growing(levels, member, least, most_height)
    nodes, inside = [TreeNode({})], {0: np.arange(len(levels))}
    growing.consider(0, inside[0])
    while growing.best and len(inside) < most_leaves:
        number = max(growing.best, key=lambda one: growing.best[one][0])
        _, tap, height = growing.best.pop(number)
        low, high = nodes[number].box.get(tap, (None, None))
        boxes = ({**nodes[number].box, tap: (low, height)}, {**nodes[number].box, tap: (height, high)})
        if max(TreeNode(box).conditions for box in boxes) > most_conditions:
            continue
        lower = len(nodes)
        nodes[number] = TreeNode(nodes[number].box, tap, height, lower, lower + 1)
        rows = inside.pop(number)
        beyond = levels[rows, tap] >= height
        for box, part in zip(boxes, (rows[~beyond], rows[beyond]), strict=True):
            inside[len(nodes)] = part
            growing.consider(len(nodes), part)
            nodes.append(TreeNode(box))
    return DecisionTree(tuple(nodes))


def _counts(values: Integers, member: npt.NDArray[np.float32]) -> Floats:
    """How many of each class have each value, [values, classes]."""
    each = np.zeros((len(values), int(values.max(initial=0)) + 1), np.float32)
    each[np.arange(len(values)), values] = 1.0
    return np.asarray(each.T @ member, dtype=np.float64)


def _entropy(counts: Floats) -> Floats:
    """Of classes, times how many there are, [...]; counts [..., classes]."""
    total = counts.sum(axis=-1, keepdims=True)
    share = counts / np.maximum(total, 1.0)
    return np.asarray(-(counts * np.log(np.maximum(share, 1e-12))).sum(axis=-1))
