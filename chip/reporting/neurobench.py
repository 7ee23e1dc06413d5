"""NeuroBench's complexity metrics of a network and a run, in NeuroBench's terms and units.

Definitions: Yik et al., "The neurobench framework for benchmarking neuromorphic computing algorithms and
systems", Nature Communications 16, 2025, section "Algorithm track metrics" (arXiv 2304.04640), and the
documentation of its harness (github.com/NeuroBench/neurobench, docs/metrics).

NeuroBench counts connections between layers. A network here has none, so neurons equally many steps away from the
inputs form a layer, and two layers are connected if any synapse joins them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from chip.arch import ArchSpec
from chip.connectivity import steps_from_inputs
from chip.network import Network
from chip.sim.simulator import SimulationResult

__all__ = ["DEFINITIONS", "NeuroBench", "neurobench"]

DEFINITIONS = {
    "footprint_bytes": "memory of parameters and buffers at their precision, zero weights included; buffers "
    "are the membranes",
    "stored_bytes": "ours, not NeuroBench's: the same without zero weights, as the cells hold it",
    "connection_sparsity": "zero weights / all weights, over all connected layers; 0 is fully connected",
    "activation_sparsity": "silent neurons / all neurons, over all steps and streams; 1 is all silent",
    "effective_macs": "operations per step with non-binary activations: spikes have none",
    "effective_acs": "operations per step, zero activations and zero weights left out; -1, 0, +1 is a spike",
    "dense": "operations per step with every activation and every weight of the connected layers",
}


@dataclass(frozen=True)
class NeuroBench:
    """Complexity metrics; ``DEFINITIONS`` defines each.

    Args:
        footprint_bytes: with zero weights.
        stored_bytes: without.
        connection_sparsity: 0 to 1.
        activation_sparsity: 0 to 1.
        effective_macs: a step, one stream.
        effective_acs: a step, one stream.
        dense: a step, one stream.
        steps: that were run, all streams together.
    """

    footprint_bytes: float
    stored_bytes: float
    connection_sparsity: float
    activation_sparsity: float
    effective_macs: float
    effective_acs: float
    dense: float
    steps: int

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics and their definitions as plain values."""
        source = "Yik et al., Nature Communications 16, 2025 (arXiv 2304.04640)"
        return asdict(self) | {"definitions": DEFINITIONS, "source": source}


def neurobench(network: Network, run: SimulationResult, arch: ArchSpec) -> NeuroBench:
    """Measure a network on a run of it.

    Args:
        network: network that ran.
        run: run from the first step after a reset.
        arch: bits of weights, thresholds and membranes.
    """
    steps = run.outputs.shape[0] * run.outputs.shape[1]
    dense = _dense(network)
    activations = steps * network.n_neurons
    neurons, weight_bits = network.n_neurons * _neuron_bits(arch), arch.neuron.weight_bits.value
    return NeuroBench(
        footprint_bytes=(dense * weight_bits + neurons) / 8,
        stored_bytes=(network.n_synapses * weight_bits + neurons) / 8,
        connection_sparsity=1 - network.n_synapses / dense if dense else 0.0,
        activation_sparsity=1 - run.spikes / activations if activations else 1.0,
        effective_macs=0.0,
        effective_acs=run.sop / steps if steps else 0.0,
        dense=float(dense),
        steps=steps,
    )


def _dense(network: Network) -> int:
    """Count the weights of all connected pairs of layers, zero or not."""
    depth = steps_from_inputs(network) + 1
    # Layer 0 is the neurons that no input leads to, layer 1 the inputs, then the neurons by distance.
    layer = np.concatenate([np.ones(network.n_inputs, np.int64), np.where(depth > 0, depth, 0)])
    size = np.bincount(layer)
    pairs = np.unique(np.stack([layer[network.source], layer[network.target + network.n_inputs]]), axis=1)
    return int((size[pairs[0]] * size[pairs[1]]).sum())


def _neuron_bits(arch: ArchSpec) -> int:
    """Return the bits of a neuron: two thresholds, feedback, leak, negative output, and the membrane."""
    neuron = arch.neuron
    leak = max(neuron.decay_shifts.value).bit_length()
    parameters = 2 * neuron.threshold_bits.value + neuron.feedback_bits.value + leak + 1
    return parameters + neuron.membrane_bits.value
