"""SENNA toolchain: compile a spiking network into a bitstream that is verified to decode to the same network.

>>> from chip import NetworkBuilder, compile_network, load_arch
>>> builder = NetworkBuilder(n_inputs=1)
>>> builder.connect(0, builder.add_neuron(theta_p=3, w_fb=3), 1)
>>> builder.output(0)
>>> compile_network(builder.build(), load_arch("senna")).report["verified"]
True
"""

from __future__ import annotations

from chip.arch import ArchSpec, load_arch
from chip.bitstream import decode, encode
from chip.builder import NetworkBuilder
from chip.compiler import Compiled, compile_network, verify_spikes
from chip.errors import BitstreamError, ChipError, FitError, MissingPackageError, NetworkError, SpecError
from chip.files import load_network
from chip.layout.fabric import Fabric
from chip.layout.place import Nets, Placement, place
from chip.layout.route import Routing, route
from chip.network import Network
from chip.nir import export_nir, import_nir
from chip.repairs import Repaired, repair
from chip.rules import Finding, check, fits
from chip.run_cost import CostReport, cost
from chip.sim.chip_series import run_series
from chip.sim.imperfection import Imperfection
from chip.sim.simulator import SimulationResult, Simulator

__all__ = [
    "ArchSpec",
    "BitstreamError",
    "ChipError",
    "Compiled",
    "CostReport",
    "Fabric",
    "Finding",
    "FitError",
    "Imperfection",
    "MissingPackageError",
    "Nets",
    "Network",
    "NetworkBuilder",
    "NetworkError",
    "Placement",
    "Repaired",
    "Routing",
    "SimulationResult",
    "Simulator",
    "SpecError",
    "check",
    "compile_network",
    "cost",
    "decode",
    "encode",
    "export_nir",
    "fits",
    "import_nir",
    "load_arch",
    "load_network",
    "place",
    "repair",
    "route",
    "run_series",
    "verify_spikes",
]
