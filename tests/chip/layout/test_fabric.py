"""Fabric: consistent references between cells, pads and segments."""

from __future__ import annotations

import numpy as np
import pytest

from chip.arch import ArchSpec
from chip.layout.fabric import Fabric


@pytest.fixture
def fabric(senna: ArchSpec) -> Fabric:
    return Fabric.of(senna)


def test_sizes(fabric: Fabric) -> None:
    assert (fabric.n_cells, fabric.n_segments, fabric.n_sites) == (1024, 2 * 32 * 33, 1024 + 128 + 64)


def test_neighbours_are_mutual_and_inner_segments_have_six(fabric: Fabric) -> None:
    pairs = {
        (segment, int(other))
        for segment, others in enumerate(fabric.neighbours)
        for other in others
        if other >= 0
    }
    assert all((other, segment) in pairs for segment, other in pairs)
    count = (fabric.neighbours >= 0).sum(axis=1)
    assert (count.min(), count.max()) == (3, 6)
    assert (count == 6).sum() > 1800


def test_sites_and_segments_refer_to_each_other(fabric: Fabric) -> None:
    seen = {(site, int(s)) for site, around in enumerate(fabric.around) for s in around if s >= 0}
    assert seen == {(int(t), s) for s, beside in enumerate(fabric.beside) for t in beside if t >= 0}
    assert (np.unique(fabric.around[: fabric.n_cells], return_counts=True)[1] <= 2).all()


def test_cell_lies_between_its_segments(fabric: Fabric) -> None:
    names = [fabric.segment_name(int(segment)) for segment in fabric.around[5 * 32 + 3]]
    assert names == ["channel H(3, 5)", "channel H(3, 6)", "channel V(3, 5)", "channel V(4, 5)"]
    assert fabric.site_name(5 * 32 + 3) == "cell (3, 5)"
    assert fabric.site_name(1024) == "input pad 0"
    assert fabric.site_name(1152) == "output pad 0"


def test_pads_lie_along_the_edge(fabric: Fabric) -> None:
    pads = fabric.position[fabric.n_cells :]
    outside = (pads == -1) | (pads == 32)
    assert outside.any(axis=1).all()
    assert np.unique(fabric.position[1024:1152], axis=0).shape == (128, 2)
    assert fabric.segment_name(int(fabric.around[1024 + 40, 0])) == "channel V(32, 8)"


def test_segments_lie_where_their_neighbours_and_sites_are(fabric: Fabric) -> None:
    place = fabric.segment_position()
    segment, end = np.nonzero(fabric.neighbours >= 0)
    assert np.abs(place[segment] - place[fabric.neighbours[segment, end]]).max() == 2
    cell = np.arange(fabric.n_cells)
    assert (np.abs(place[fabric.around[cell]] - 2 * fabric.position[cell][:, None]).sum(axis=2) == 1).all()
