"""The SENNA toolchain: from a spiking network to a bitstream that is proved equal. It knows nothing of audio.

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
from chip.errors import BitstreamError, ChipError, FitError, NetworkError, SpecError
from chip.network import Network
from chip.nir import export_nir, import_nir
from chip.rules import Finding, check, fits
from chip.sim.chip_series import run_series
from chip.sim.imperfection import Imperfection
from chip.sim.simulator import SimulationResult, Simulator

__all__ = [
    "ArchSpec",
    "BitstreamError",
    "ChipError",
    "Compiled",
    "Finding",
    "FitError",
    "Imperfection",
    "Network",
    "NetworkBuilder",
    "NetworkError",
    "SimulationResult",
    "Simulator",
    "SpecError",
    "check",
    "compile_network",
    "decode",
    "encode",
    "export_nir",
    "fits",
    "import_nir",
    "load_arch",
    "run_series",
    "verify_spikes",
]
