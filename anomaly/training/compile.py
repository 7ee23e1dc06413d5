"""From a trained circuit to what is programmed, and the proof that both are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from anomaly.errors import ModelError
from anomaly.features.delta import DeltaCode, DeltaEncoder
from anomaly.features.mel import Centibels
from anomaly.student.circuit import Circuit, Limits
from anomaly.student.model import CircuitModel
from chip.arch import ArchSpec, load_arch
from chip.compiler import Compiled, compile_network, verify_spikes
from chip.network import Network
from chip.simulate import Simulator

_VERIFIED_SEGMENTS = 12


@dataclass(frozen=True)
class Chip:
    """An architecture and the text it was read from, which travels in the bundle."""

    arch: ArchSpec
    text: bytes

    @property
    def limits(self) -> Limits:
        """What training must know of it."""
        return Limits.of(self.arch)


def read_chip(name_or_path: str) -> Chip:
    """Load an architecture by name or path.

    Raises:
        SpecError: there is none, or it is malformed.
    """
    arch = load_arch(name_or_path)
    shipped = resources.files("chip") / "specs" / f"{name_or_path}.yaml"
    text = shipped.read_bytes() if shipped.is_file() else Path(name_or_path).read_bytes()
    return Chip(arch, text)


def compile_circuit(
    circuit: Circuit, code: DeltaCode, chip: Chip, segments: Sequence[Centibels]
) -> tuple[Compiled, dict[str, Any]]:
    """Compile, decode, and compare spike for spike on recorded sound.

    Args:
        circuit: the trained student.
        code: its encoder.
        chip: where it must fit.
        segments: levels [frames, bands] of recorded sound to verify on.

    Returns:
        The compiled design and what was verified.

    Raises:
        FitError: it does not fit the chip.
        ModelError: the trained network and the decoded one differ on a spike.
    """
    network = circuit.to_network()
    chosen = segments[:: max(1, len(segments) // _VERIFIED_SEGMENTS)][:_VERIFIED_SEGMENTS]
    inputs = [DeltaEncoder(code).push(segment[None])[0].reshape(-1, 1, code.bands) for segment in chosen]
    compiled = compile_network(network, chip.arch, rates=_rates(network, inputs, chip.arch.v_sat))
    neuron_steps = 0
    for steps in inputs:
        difference = verify_spikes(network, compiled.network, steps, v_sat=chip.arch.v_sat)
        difference = difference or _against_torch(circuit, compiled, chip, steps)
        if difference is not None:
            raise ModelError(
                f"the decoded network is not the trained one: {difference}",
                where="network.bit",
                hint="please report this: it is a bug",
            )
        neuron_steps += network.n_neurons * len(steps)
    return compiled, {"neuron_steps": neuron_steps, "segments": len(chosen), "equal": True}


def _rates(network: Network, inputs: Sequence[npt.NDArray[np.int8]], v_sat: int) -> npt.NDArray[np.float64]:
    """Spikes per step of each source on this sound, inputs first: busy wires are to be short."""
    counts = np.zeros(network.n_inputs + network.n_neurons)
    for steps in inputs:
        counts[: network.n_inputs] += np.count_nonzero(steps, axis=(0, 1))
        counts[network.n_inputs :] += Simulator(network, v_sat=v_sat).run(steps).neuron_spikes
    return counts / max(1, sum(len(steps) for steps in inputs))


def _against_torch(
    circuit: Circuit, compiled: Compiled, chip: Chip, steps: npt.NDArray[np.int8]
) -> str | None:
    """Where torch's read-outs and the simulator's first differ, in words."""
    simulated = Simulator(compiled.network, v_sat=chip.arch.v_sat).run(steps).outputs
    with torch.no_grad():
        trained = CircuitModel(circuit, chip.limits)(torch.from_numpy(steps).float()).numpy()
    differs = np.argwhere(trained.astype(np.int8) != simulated)
    if not len(differs):
        return None
    step, _, output = (int(n) for n in differs[0])
    return f"output {output} in step {step}"
