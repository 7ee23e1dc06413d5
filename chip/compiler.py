"""From a network to a bitstream that is proved equal: check, place, route, encode, decode, compare."""

from __future__ import annotations

import time
from dataclasses import dataclass
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
    """A network on its way to the chip.

    Args:
        bitstream: what programs the chip.
        network: what the bitstream decodes to; simulate this one, not the original.
        findings: the warnings of the design rules.
        implementation: where everything sits and how it is wired.
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
    """Check a network, place, route and encode it, and prove that decoding gives it back.

    Args:
        network: what is to be built.
        arch: the chip.
        rates: spikes per step of each source, inputs first: wires that spike often are kept short. Without
            them a run on random spikes tells.
        seed: of the placement; the same seed gives the same bytes.

    Raises:
        FitError: the network does not fit; lists the findings, or the channels that overflow.
        BitstreamError: the decoded network differs, which would be a bug of this program.
    """
    start = time.perf_counter()
    findings = tuple(require_fit(network, arch))
    built = implement(network, arch, rates=rates, seed=seed, search=True)
    bitstream = write_design(built.design, arch)
    decoded = decode(bitstream, arch)
    if (difference := network.difference(decoded)) is not None:
        raise BitstreamError(f"decodes to another network: {difference}", where="verification")
    way, use = latency(decoded, arch), utilisation(decoded, arch, built.routing.usage)
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
        "latency_s": None if way is None else {name: figure.value for name, figure in way.items()},
        "findings": [finding.to_dict() for finding in findings],
        "seconds": time.perf_counter() - start,
    }
    return Compiled(bitstream, decoded, findings, built, report)


def _wiring(built: Implementation, arch: ArchSpec) -> dict[str, Any]:
    """What placement and routing came to: lengths in cells, widths in signed nets per channel."""
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
    """Where two networks first differ on the same input: step, stream and neuron in words; None if nowhere.

    Every neuron is compared, not only the outputs.

    Args:
        first: one network.
        second: another one.
        spikes: -1, 0 or +1 of each [step, stream, input].
        v_sat: membranes are clipped to [-v_sat, +v_sat].

    Raises:
        NetworkError: the spikes do not suit the networks.
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
