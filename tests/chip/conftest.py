"""Fixtures of the toolchain's tests: the chip, and a small network with chosen fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chip.network import Network
from support.senna import senna

__all__ = ["senna"]


@pytest.fixture(scope="session")
def make_network() -> Callable[..., Network]:
    """A valid network of three neurons; arguments replace its fields."""

    def make(**changes: Any) -> Network:
        return Network(
            **{
                "n_inputs": 2,
                "theta_p": [1, 2, 3],
                "theta_n": [1, 2, 3],
                "negative": [True, False, True],
                "w_fb": [1, 0, 3],
                "decay": [0, 4, 0],
                "source": [1, 0, 2, 4],
                "target": [1, 0, 1, 2],
                "weight": [-3, 5, 7, -1],
                "outputs": [2, 0],
            }
            | changes
        )

    return make
