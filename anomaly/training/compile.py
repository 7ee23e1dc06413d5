"""Compilation of a trained circuit to a bitstream, verified spike for spike against the circuit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import yaml

from anomaly.errors import ModelError, UsageError
from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder
from anomaly.features.mel import Centibels
from anomaly.student.circuit import Circuit
from anomaly.student.distillation.circuit_model import CircuitModel
from anomaly.student.neuron_limits import NeuronLimits
from chip.arch import ArchSpec, load_arch, validated
from chip.compiler import Compiled, compile_network, verify_spikes
from chip.network import Network
from chip.sim.simulator import Simulator
from chip.yaml_lines import parse

_VERIFIED_SEGMENTS = 12
# Smallest and largest width of a weight: a comparator's synapse weighs 2 or more, which takes 3 bits with the sign;
# no published chip of this kind has more than 8.
_WEIGHT_BITS = (3, 8)


@dataclass(frozen=True)
class Chip:
    """An architecture and the text it was read from, which travels in the bundle."""

    arch: ArchSpec
    text: bytes

    @property
    def limits(self) -> NeuronLimits:
        """Limits of a neuron that training must respect."""
        return NeuronLimits.from_arch(self.arch)


def read_chip(name_or_path: str, weight_bits: int | None = None) -> Chip:
    """Load an architecture by name or path.

    Args:
        name_or_path: a shipped architecture, or a YAML file.
        weight_bits: bits of a weight instead of those in the architecture.

    Raises:
        UsageError: the number of bits is out of range.
        SpecError: there is no such architecture, or it is malformed.
    """
    arch = load_arch(name_or_path)
    shipped = resources.files("chip") / "specs" / f"{name_or_path}.yaml"
    text = shipped.read_bytes() if shipped.is_file() else Path(name_or_path).read_bytes()
    return Chip(arch, text) if weight_bits is None else _with_bits(arch, text, weight_bits)


def _with_bits(arch: ArchSpec, text: bytes, weight_bits: int) -> Chip:
    lowest, highest = _WEIGHT_BITS
    if not lowest <= weight_bits <= highest:
        raise UsageError(f"{weight_bits} bits are not within {lowest} to {highest}", where="--weight-bits")
    largest = 2 ** (weight_bits - 1) - 1
    document = yaml.safe_load(text)
    document["name"] = f"{arch.name}-{weight_bits}bit"
    document["neuron"]["weight_bits"] |= {
        "value": weight_bits,
        "provenance": "assumed",
        "source": f"asked for in training; sign and magnitude: -{largest} to +{largest}",
    }
    changed = yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()
    return Chip(validated(ArchSpec, parse(changed.decode(), "--weight-bits"), "--weight-bits"), changed)


def compile_circuit(
    circuit: Circuit, code: DeltaCode, chip: Chip, segments: Sequence[Centibels]
) -> tuple[Compiled, dict[str, Any]]:
    """Compile a circuit, decode its bitstream, and compare both spike for spike on recorded sound.

    Args:
        circuit: the trained student.
        code: its encoder.
        chip: target of the compilation.
        segments: levels [frames, bands] of recorded sound to verify on.

    Returns:
        The compiled design, and the extent of the verification: neuron steps, segments, equality.

    Raises:
        FitError: it does not fit the chip.
        ModelError: the trained network and the decoded one differ on a spike.
    """
    network = circuit.to_network()
    sampled = segments[:: max(1, len(segments) // _VERIFIED_SEGMENTS)][:_VERIFIED_SEGMENTS]
    inputs = [DeltaEncoder(code).push(segment[None])[0].reshape(-1, 1, code.bands) for segment in sampled]
    compiled = compile_network(network, chip.arch, rates=_spike_rates(network, inputs, chip.arch.v_sat))
    neuron_steps = 0
    for steps in inputs:
        difference = verify_spikes(network, compiled.network, steps, v_sat=chip.arch.v_sat)
        difference = difference or _first_difference_from_torch(circuit, compiled, chip, steps)
        if difference is not None:
            raise ModelError(
                f"the decoded network is not the trained one: {difference}",
                where="network.bit",
                hint="please report this: it is a bug",
            )
        neuron_steps += network.n_neurons * len(steps)
    return compiled, {"neuron_steps": neuron_steps, "segments": len(sampled), "equal": True}


def _spike_rates(
    network: Network, inputs: Sequence[npt.NDArray[np.int8]], v_sat: int
) -> npt.NDArray[np.float64]:
    """Spikes per step of each source, inputs first, [sources]; placement weights wire lengths with them."""
    counts = np.zeros(network.n_inputs + network.n_neurons)
    for steps in inputs:
        counts[: network.n_inputs] += np.count_nonzero(steps, axis=(0, 1))
        counts[network.n_inputs :] += Simulator(network, v_sat=v_sat).run(steps).neuron_spikes
    return counts / max(1, sum(len(steps) for steps in inputs))


def _first_difference_from_torch(
    circuit: Circuit, compiled: Compiled, chip: Chip, steps: npt.NDArray[np.int8]
) -> str | None:
    """First output and step at which torch and the simulator differ, as text; None if they agree."""
    simulated = Simulator(compiled.network, v_sat=chip.arch.v_sat).run(steps).outputs
    with torch.no_grad():
        trained = CircuitModel(circuit, chip.limits)(torch.from_numpy(steps).float()).numpy()
    differs = np.argwhere(trained.astype(np.int8) != simulated)
    if not len(differs):
        return None
    step, _, output = (int(n) for n in differs[0])
    return f"output {output} in step {step}"
