"""A random network that fits the chip, and a file of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chip.arch import load_arch
from chip.network import Network
from chip.testing import random_network


@pytest.fixture
def network() -> Network:
    return random_network(load_arch("senna"), seed=11)


@pytest.fixture
def file(tmp_path: Path, network: Network) -> Path:
    path = tmp_path / "network.npz"
    path.write_bytes(network.to_npz())
    return path
