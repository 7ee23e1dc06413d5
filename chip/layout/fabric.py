"""Fabric of a chip: positions of cells and pads, wires and switches between them, as the architecture defines them.

Cells lie on a grid: column x, row y. Channels run between the cells and around them: ``H(x, k)`` is the
segment below row k, ``V(k, y)`` the one left of column k. A segment holds as many wires (tracks) as the
architecture has nets per channel. Segments meet in switch boxes, which are crossbars: a wire can be driven
by any wire that ends at one of its two boxes, or by a neuron or input pad beside it. A synapse can tap any
wire of the four segments around its cell.

Sites are numbered cells first (y * columns + x), then input pads, then output pads, around the edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec

__all__ = ["Fabric"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fabric:
    """Array of cells with its channels.

    Args:
        columns: cells in a row.
        rows: cells in a column.
        width: tracks of each channel segment.
        n_inputs: input pads.
        n_outputs: output pads.
        position: x and y of each site, [site, 2]; pads lie one step outside the grid.
        neighbours: segments that meet each segment, three at either end, [segment, 6]; -1 outside.
        around: segments beside each site, [site, 4]: below, above, left and right of a cell; pads have one,
            the rest is -1.
        beside: sites beside each segment, [segment, k], ascending; -1 fills up.
    """

    columns: int
    rows: int
    width: int
    n_inputs: int
    n_outputs: int
    position: Ints
    neighbours: Ints
    around: Ints
    beside: Ints

    @classmethod
    def of(cls, arch: ArchSpec) -> Fabric:
        """Return the fabric of an architecture; it is built once for each."""
        array = arch.array
        sizes = array.columns.value, array.rows.value, arch.routing.nets_per_channel.value
        return _fabric(*sizes, array.inputs.value, array.outputs.value)

    @property
    def n_cells(self) -> int:
        """Number of cells, used or not."""
        return self.columns * self.rows

    @property
    def n_segments(self) -> int:
        """Number of channel segments."""
        return len(self.neighbours)

    @property
    def n_sites(self) -> int:
        """Number of cells, input pads and output pads together."""
        return len(self.position)

    @property
    def first_output(self) -> int:
        """Site of the first output pad; input pads start at ``n_cells``."""
        return self.n_cells + self.n_inputs

    def site_name(self, site: int) -> str:
        """Return the name of a site in messages."""
        if site >= self.first_output:
            return f"output pad {site - self.first_output}"
        if site >= self.n_cells:
            return f"input pad {site - self.n_cells}"
        return f"cell ({site % self.columns}, {site // self.columns})"

    def segment_position(self) -> Ints:
        """Return x and y of the middle of each segment, in halves of a cell, int64[segment, 2]."""
        k, x = np.divmod(np.arange((self.rows + 1) * self.columns), self.columns)
        flat = np.stack([2 * x, 2 * k - 1], axis=1)
        y, k = np.divmod(np.arange(self.rows * (self.columns + 1)), self.columns + 1)
        position: Ints = np.concatenate([flat, np.stack([2 * k - 1, 2 * y], axis=1)])
        return position

    def segment_name(self, segment: int) -> str:
        """Return the name of a channel segment in messages: H(x, k) or V(k, y)."""
        horizontal = (self.rows + 1) * self.columns
        if segment < horizontal:
            return f"channel H({segment % self.columns}, {segment // self.columns})"
        y, k = divmod(segment - horizontal, self.columns + 1)
        return f"channel V({k}, {y})"


@lru_cache(maxsize=8)
def _fabric(columns: int, rows: int, width: int, n_inputs: int, n_outputs: int) -> Fabric:
    grid = _Grid(columns, rows)
    edge_position, edge_segment = grid.edge()
    y, x = np.divmod(np.arange(columns * rows), columns)
    position, around = [np.stack([x, y], axis=1)], [grid.around(x, y)]
    for pads in (n_inputs, n_outputs):
        place = np.arange(pads) * len(edge_segment) // max(1, pads)
        position.append(edge_position[place])
        beside = np.full((pads, 4), -1)
        beside[:, 0] = edge_segment[place]
        around.append(beside)
    neighbours, all_around = grid.neighbours(), np.concatenate(around)
    return Fabric(
        columns=columns,
        rows=rows,
        width=width,
        n_inputs=n_inputs,
        n_outputs=n_outputs,
        position=_fixed(np.concatenate(position)),
        neighbours=_fixed(neighbours),
        around=_fixed(all_around),
        beside=_fixed(_inverse(all_around, len(neighbours))),
    )


@dataclass(frozen=True)
class _Grid:
    columns: int
    rows: int

    def horizontal(self, x: Ints, k: Ints) -> Ints:
        inside = (x >= 0) & (x < self.columns) & (k >= 0) & (k <= self.rows)
        return np.where(inside, k * self.columns + x, -1)

    def vertical(self, k: Ints, y: Ints) -> Ints:
        inside = (k >= 0) & (k <= self.columns) & (y >= 0) & (y < self.rows)
        return np.where(inside, (self.rows + 1) * self.columns + y * (self.columns + 1) + k, -1)

    def around(self, x: Ints, y: Ints) -> Ints:
        sides = self.horizontal(x, y), self.horizontal(x, y + 1), self.vertical(x, y), self.vertical(x + 1, y)
        return np.stack(sides, axis=1)

    def neighbours(self) -> Ints:
        k, x = np.divmod(np.arange((self.rows + 1) * self.columns), self.columns)
        ends = [
            (self.horizontal(x + 2 * end - 1, k), self.vertical(x + end, k - 1), self.vertical(x + end, k))
            for end in (0, 1)
        ]
        flat = np.stack([*ends[0], *ends[1]], axis=1)
        y, k = np.divmod(np.arange(self.rows * (self.columns + 1)), self.columns + 1)
        ends = [
            (self.vertical(k, y + 2 * end - 1), self.horizontal(k - 1, y + end), self.horizontal(k, y + end))
            for end in (0, 1)
        ]
        return np.concatenate([flat, np.stack([*ends[0], *ends[1]], axis=1)])

    def edge(self) -> tuple[Ints, Ints]:
        """Return the sites for pads along the edge: their positions [site, 2] and the segment beside each."""
        x, y = np.arange(self.columns), np.arange(self.rows)
        left, bottom = np.full(self.rows, 0), np.full(self.columns, 0)
        right, top = left + self.columns, bottom + self.rows
        position = np.concatenate(
            [
                np.stack([x, bottom - 1], axis=1),
                np.stack([right, y], axis=1),
                np.stack([x[::-1], top], axis=1),
                np.stack([left - 1, y[::-1]], axis=1),
            ]
        )
        segments = (
            self.horizontal(x, bottom),
            self.vertical(right, y),
            self.horizontal(x[::-1], top),
            self.vertical(left, y[::-1]),
        )
        return position, np.concatenate(segments)


def _inverse(around: Ints, n_segments: int) -> Ints:
    site, side = np.nonzero(around >= 0)
    segment = around[site, side]
    order = np.lexsort((site, segment))
    segment, site = segment[order], site[order]
    counts = np.bincount(segment, minlength=n_segments)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    beside = np.full((n_segments, counts.max()), -1)
    beside[segment, np.arange(len(segment)) - first[segment]] = site
    return beside


def _fixed(values: Ints) -> Ints:
    values.setflags(write=False)
    return values
