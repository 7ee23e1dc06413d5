"""NIR graphs as other tools make them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import nir
import numpy as np
import pytest


@pytest.fixture(scope="session")
def nir_bytes() -> Callable[[Any], bytes]:
    """Turns a graph into the bytes of its file."""

    def write(graph: Any) -> bytes:
        buffer = io.BytesIO()
        nir.write(buffer, graph)
        return buffer.getvalue()

    return write


@pytest.fixture(scope="session")
def chain() -> Callable[..., Any]:
    """Makes a graph of nodes one after the other, inputs of the given shape first."""

    def make(shape: tuple[int, ...], *nodes: Any) -> Any:
        return nir.NIRGraph.from_list(nir.Input(np.array(shape)), *nodes)

    return make


@pytest.fixture(scope="session")
def fire() -> Callable[..., Any]:
    """Makes an IF node of a shape: threshold, resistance 1, reset to 0."""

    def make(shape: int | tuple[int, ...], threshold: float) -> Any:
        return nir.IF(r=np.ones(shape), v_threshold=np.full(shape, threshold))

    return make
