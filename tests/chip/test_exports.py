"""The public face of the toolchain: the exported names, and one call of each stage through it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np

import chip
from chip import Fabric, Nets, cost, load_network, place, repair, route
from chip.arch import ArchSpec
from chip.testing import random_network

EXPORTED = {
    "ArchSpec", "BitstreamError", "ChipError", "Compiled", "CostReport", "Fabric", "Finding", "FitError",
    "Imperfection", "MissingPackageError", "Nets", "Network", "NetworkBuilder", "NetworkError", "Placement",
    "Repaired", "Routing", "SimulationResult", "Simulator", "SpecError", "check", "compile_network", "cost",
    "decode", "encode", "export_nir", "fits", "import_nir", "load_arch", "load_network", "place", "repair", "route",
    "run_series", "verify_spikes",
}  # fmt: skip


def test_exported_names() -> None:
    assert set(chip.__all__) == EXPORTED
    assert list(chip.__all__) == sorted(chip.__all__)


def test_no_exported_name_is_a_module() -> None:
    assert [name for name in chip.__all__ if isinstance(getattr(chip, name), ModuleType)] == []


def test_stages_run_through_the_face(tmp_path: Path, senna: ArchSpec) -> None:
    network = random_network(senna, seed=3)
    network.to_npz(tmp_path / "network.npz")
    loaded = load_network(tmp_path / "network.npz", senna)
    assert loaded.same_as(network)
    fabric, nets = Fabric.of(senna), Nets.of(loaded)
    routing = route(nets, fabric, place(nets, fabric, seed=0))
    assert int(routing.usage.max()) <= fabric.width
    spikes = np.zeros((4, 1, network.n_inputs), np.int8)
    assert repair(loaded, senna, spikes).exact
    assert cost(senna, 4, 1000, 0, 0.032).retention_ok
