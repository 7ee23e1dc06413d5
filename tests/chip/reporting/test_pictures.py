"""Pictures: complete PNG files that depend on the design alone."""

from __future__ import annotations

import sys
import zlib

import numpy as np
import pytest

from chip.arch import ArchSpec
from chip.builder import NetworkBuilder
from chip.compiler import Compiled, compile_network
from chip.errors import ChipError
from chip.layout.fabric import Fabric
from chip.reporting.pictures import PICTURES, _segments, draw
from chip.sim.stimulus import random_spikes
from chip.testing import random_network

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def compiled(senna: ArchSpec) -> Compiled:
    return compile_network(random_network(senna, seed=2), senna)


def check_png(data: bytes) -> tuple[int, int]:
    """Return width and height, after checking every chunk."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at = 8
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        end = at + 8 + length
        assert zlib.crc32(data[at + 4 : end]) == int.from_bytes(data[end : end + 4], "big")
        at = end + 4
    assert data[-8:-4] == b"IEND"
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def test_all_pictures_are_drawn_and_repeat(compiled: Compiled, senna: ArchSpec) -> None:
    pictures = draw(compiled, senna)
    assert list(pictures) == list(PICTURES)
    assert all(min(check_png(data)) > 500 for data in pictures.values())
    assert draw(compiled, senna) == pictures


def test_raster_shows_the_given_spikes(compiled: Compiled, senna: ArchSpec) -> None:
    one, other = (draw(compiled, senna, random_spikes(8, 50, rate=rate)) for rate in (0.1, 0.9))
    assert one["floorplan.png"] == other["floorplan.png"]
    assert one["raster.png"] != other["raster.png"]


def test_smallest_network_can_be_drawn(senna: ArchSpec) -> None:
    builder = NetworkBuilder(n_inputs=1)
    builder.connect(0, builder.add_neuron(theta_p=1), 1)
    builder.output(0)
    assert len(draw(compile_network(builder.build(), senna), senna)) == 3


def test_segments_are_drawn_beside_their_cells(senna: ArchSpec) -> None:
    fabric = Fabric.of(senna)
    middles = _segments(fabric).mean(axis=1)
    cells = fabric.position[: fabric.n_cells]
    offsets = middles[fabric.around[: fabric.n_cells]] - cells[:, None]
    np.testing.assert_allclose(
        offsets, np.broadcast_to([[0, -0.5], [0, 0.5], [-0.5, 0], [0.5, 0]], offsets.shape)
    )


def test_missing_matplotlib_is_reported_with_a_remedy(
    compiled: Compiled, senna: ArchSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ChipError, match="need Matplotlib") as caught:
        draw(compiled, senna)
    assert caught.value.hint is not None
    assert "pip install matplotlib" in caught.value.hint
