"""Fixtures: NIR graphs as other tools write them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import nir
import numpy as np
import pytest


@pytest.fixture(scope="session")
def nir_bytes() -> Callable[[Any], bytes]:
    """Converter from a graph to the bytes of its file."""

    def write(graph: Any) -> bytes:
        buffer = io.BytesIO()
        nir.write(buffer, graph)
        return buffer.getvalue()

    return write


@pytest.fixture(scope="session")
def chain() -> Callable[..., Any]:
    """Builder of a graph of nodes one after the other, with an Input of the given shape."""

    def make(shape: tuple[int, ...], *nodes: Any) -> Any:
        return nir.NIRGraph.from_list(nir.Input(np.array(shape)), *nodes)

    return make


@pytest.fixture(scope="session")
def fire() -> Callable[..., Any]:
    """Builder of an IF node of a shape: threshold, resistance 1, reset to 0."""

    def make(shape: int | tuple[int, ...], threshold: float) -> Any:
        return nir.IF(r=np.ones(shape), v_threshold=np.full(shape, threshold))

    return make
