"""Compiler from a network to a bitstream: check, place, route, encode, decode, compare."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.bitstream import decode, write_design
from chip.errors import BitstreamError
from chip.layout.implementation import Implementation, implement
from chip.network import Network
from chip.rules import Finding, require_fit
from chip.run_cost import latency, utilisation
from chip.sim.simulator import Simulator

__all__ = ["Compiled", "compile_network", "verify_spikes"]

# Spikes of all neurons that are kept at once, of each network: 16 MiB, however long the input is.
_CHUNK_VALUES = 1 << 24


@dataclass(frozen=True)
class Compiled:
    """Result of a compilation.

    Args:
        bitstream: bytes that program the chip.
        network: decoded from the bitstream, with the names of the original; simulate this one, not the original.
        findings: warnings of the design rules.
        implementation: placement and routing.
        report: ``neurons``, ``synapses``, ``seconds``, ``verified``, ``routed`` and more, as plain values.
    """

    bitstream: bytes
    network: Network
    findings: tuple[Finding, ...]
    implementation: Implementation
    report: dict[str, Any]


def compile_network(
    network: Network,
    arch: ArchSpec,
    *,
    rates: NDArray[np.floating[Any]] | None = None,
    seed: int = 0,
) -> Compiled:
    """Check, place, route and encode a network, and verify that the bitstream decodes to the same network.

    Args:
        network: network to compile.
        arch: the chip.
        rates: spikes per step of each source, inputs first: nets that spike often are kept short. By default
            they are measured on random spikes.
        seed: random seed of the placement; the same seed gives the same bytes.

    Raises:
        FitError: the network does not fit; lists the findings, or the channels that overflow.
        BitstreamError: the decoded network differs, which is a bug of this program.
    """
    start = time.perf_counter()
    findings = tuple(require_fit(network, arch))
    built = implement(network, arch, rates=rates, seed=seed, search=True)
    bitstream = write_design(built.design, arch)
    decoded = decode(bitstream, arch)
    if (difference := network.difference(decoded)) is not None:
        raise BitstreamError(f"decodes to another network: {difference}", where="verification")
    delays, use = latency(decoded, arch), utilisation(decoded, arch, built.routing.usage)
    report = {
        "arch": arch.name,
        "arch_fingerprint": arch.fingerprint().hex(),
        "network_fingerprint": decoded.fingerprint(),
        "neurons": decoded.n_neurons,
        "synapses": decoded.n_synapses,
        "bitstream_bytes": len(bitstream),
        "routed": True,
        "verified": True,
        **_wiring(built, arch),
        "utilisation": use,
        "tracks": use["tracks"],
        "latency_s": None if delays is None else {name: figure.value for name, figure in delays.items()},
        "findings": [finding.to_dict() for finding in findings],
        "seconds": time.perf_counter() - start,
    }
    named = replace(decoded, labels=network.labels, input_labels=network.input_labels)
    return Compiled(bitstream, named, findings, built, report)


def _wiring(built: Implementation, arch: ArchSpec) -> dict[str, Any]:
    """Summarise placement and routing: lengths in cells, widths in signed nets per channel."""
    return {
        "channel_width": arch.routing.nets_per_channel.value,
        "min_channel_width": built.routing.min_width,
        "wirelength": built.wirelength,
        "activity_wirelength": built.activity_wirelength,
        "wire_segments": int(built.routing.usage.sum()),
    }


def verify_spikes(
    first: Network, second: Network, spikes: NDArray[np.integer[Any]], *, v_sat: int
) -> str | None:
    """Compare two networks on the same input and describe the first difference; None if there is none.

    Every neuron is compared, not only the outputs; the description names step, stream and neuron.

    Args:
        first: one network.
        second: another one.
        spikes: -1, 0 or +1 of each [step, stream, input].
        v_sat: membranes are clipped to [-v_sat, +v_sat].

    Raises:
        NetworkError: the spikes do not match the networks' inputs.
    """
    if _shape(first) != _shape(second):
        return first.difference(second)
    runs = [Simulator(network, v_sat=v_sat) for network in (first, second)]
    streams = spikes.shape[1] if spikes.ndim == 3 else 1
    chunk = max(1, _CHUNK_VALUES // max(1, first.n_neurons * streams))
    for start in range(0, len(spikes), chunk):
        part = spikes[start : start + chunk]
        one, other = (np.asarray(run.run(part, record="all").neurons) for run in runs)
        if (differs := np.argwhere(one != other)).size:
            step, stream, neuron = (int(at) for at in differs[0])
            values = f"{one[step, stream, neuron]} against {other[step, stream, neuron]}"
            return f"step {start + step}, stream {stream}, {first.neuron_name(neuron)}: {values}"
    return None


def _shape(network: Network) -> tuple[int, int, list[int]]:
    return network.n_inputs, network.n_neurons, network.outputs.tolist()
