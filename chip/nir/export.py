"""Export of a network as a NIR graph that other simulators run: IF and LIF nodes with Affine nodes between."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np

from chip.errors import NetworkError
from chip.network import Network
from chip.nir.declarations import Declaration
from chip.nir.hdf5 import nir_modules
from chip.nir.metadata import pack
from chip.nir.populations import BELOW, Blocks, Population, blocks_of, populations_of

__all__ = ["DT_S", "export_declarations", "export_nir", "write_nir"]

# Step that snnTorch assumes when it reads NIR.
DT_S = 1e-4


def export_nir(network: Network, *, dt_s: float = DT_S) -> Any:
    """Convert a network to a ``nir.NIRGraph``.

    Each neuron becomes an IF, or a LIF if it leaks; one with a negative output becomes two, one for each sign, that
    receive each other's spikes. Synapses become Affine nodes. A network in strict layers becomes layers without delay;
    any other becomes one population with a recurrent Affine. Integers and all that NIR cannot express are stored as
    metadata, from which ``import_nir`` restores the identical network.

    Args:
        network: with at least one input, neuron and output.
        dt_s: duration of a step in seconds; only time constants depend on it.

    Raises:
        NetworkError: the network has no input, neuron or output, or is too large for dense matrices.
        MissingPackageError: the package ``nir`` is not installed.
    """
    _, nir = nir_modules()
    if not 0 < dt_s < float("inf"):
        raise NetworkError(f"is {dt_s}, not a time above 0", where="dt_s")
    nodes, edges = _graph(network, dt_s, nir)
    return nir.NIRGraph(nodes=nodes, edges=edges, metadata=pack(network, dt_s))


def write_nir(network: Network, *, dt_s: float = DT_S) -> bytes:
    """Write the NIR file of a network; the same network gives the same bytes.

    Raises:
        NetworkError: see ``export_nir``.
        MissingPackageError: the package ``nir`` is not installed.
    """
    _, nir = nir_modules()
    buffer = io.BytesIO()
    nir.write(buffer, export_nir(network, dt_s=dt_s))
    return buffer.getvalue()


def _graph(network: Network, dt_s: float, nir: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    populations = populations_of(network)
    blocks: Blocks = blocks_of(network, populations)
    nodes: dict[str, Any] = {"input": nir.Input(input_type=np.array([network.n_inputs]))}
    edges: list[tuple[str, str]] = []
    for population in populations:
        nodes[population.name] = _neurons(population, dt_s, nir)
    size = network.n_outputs
    nodes["output"] = nir.Output(output_type=np.array([size]))
    for (source, target), weight in blocks.items():
        if weight is None:
            edges.append((source, target))
            continue
        name = f"{source}_to_{target}"
        # A Linear would say it all, but sinabs reads only Affine.
        nodes[name] = nir.Affine(weight=weight, bias=np.zeros(len(weight), np.float32))
        edges += [(source, name), (name, target)]
    return nodes, edges


def _neurons(population: Population, dt_s: float, nir: Any) -> Any:
    theta = population.theta.astype(np.float32) - np.float32(BELOW)
    zero = np.zeros_like(theta)
    if not population.decay.any():
        return nir.IF(r=np.ones_like(theta), v_threshold=theta, v_reset=zero)
    steps = np.exp2(population.decay).astype(np.float32)
    return nir.LIF(tau=steps * np.float32(dt_s), r=steps, v_leak=zero, v_threshold=theta, v_reset=zero.copy())


def export_declarations(network: Network) -> Iterator[Declaration]:
    """Declare the properties of a network that a reader of the graph without its metadata does not get."""
    signed = int(network.negative.sum())
    if signed:
        words = (
            f"{signed} neurons with a negative output are two each, that take from one another what one sends"
        )
        yield Declaration("graph", "sign", words, True)
    if odd := int((network.w_fb != network.theta_p).sum()):
        words = f"{odd} neurons feed back other than their threshold; a recurrent weight makes up for it"
        yield Declaration("graph", "feedback", words, True)
    words = "the reset of NIR is to a value; ours subtracts, as that of snnTorch ('subtract') and sinabs does"
    yield Declaration("graph", "reset", words, False)
    words = f"thresholds are {BELOW:g} less, so that > and >= mean the same"
    yield Declaration("graph", "threshold", words, True)
    if network.decay.any():
        words = "leaks are those of real numbers; ours drop fractions, and do nothing while |v| < 2^n"
        yield Declaration("graph", "leak", words, False)
    yield Declaration("graph", "saturation", "NIR holds membranes nowhere", False)
    if (network.theta_p + network.theta_n)[network.negative].min(initial=1) == 0:
        words = "a neuron with both thresholds 0 sends +1 and -1 at once, which add up to 0"
        yield Declaration("graph", "threshold", words, False)
