"""Execution of NIR files on the neurons of snnTorch and sinabs, to check our exports.

The graph is read by the package ``nir`` and executed here, step by step: a node receives the output of earlier nodes
from the same step, and of later nodes from the step before. Both frameworks run single neurons of their own: snnTorch's
``Leaky``, sinabs' ``IAF`` and ``LIF``, resets subtracting, one spike a step at most.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import nir
import numpy as np
import sinabs.activation
import sinabs.layers
import sinabs.nir
import snntorch
import snntorch.import_nir
import torch
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.network import Network
from chip.nir import write_nir
from chip.sim.simulator import Simulator
from chip.sim.stimulus import random_spikes
from chip.testing import layered_network, random_network

__all__ = ["PEERS", "Example", "examples", "one_sided_layers", "run_peer", "run_reader"]

Step = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Example:
    """Network to export, its input, and the agreement that its dynamics allow.

    Args:
        network: network to export.
        spikes: input, [step, input].
        exact: true if nothing leaks, so that every spike must be equal.
        layers: number of layers after the first, each of which delays the chip's outputs by a step.
    """

    network: Network
    spikes: NDArray[np.int8]
    exact: bool
    layers: int

    def file(self) -> bytes:
        """NIR file of the network."""
        return write_nir(self.network)

    def expected(self, arch: ArchSpec) -> NDArray[np.int8]:
        """Output of the chip simulator without the delay of the layers, [step, output]."""
        late = np.zeros((self.layers, self.spikes.shape[1]), np.int8)
        run = Simulator(self.network, v_sat=arch.v_sat).run(np.concatenate([self.spikes, late])[:, None])
        return run.outputs[self.layers :, 0]


def examples(arch: ArchSpec) -> dict[str, Example]:
    """Example networks with and without layers, loops, negative outputs and leaks."""
    found = {}
    for name, network, behind in (
        ("layers", layered_network(arch, seed=1), 3),
        ("loops", random_network(arch, seed=3, inputs=16, neurons=60, outputs=12, fan_in=20), 0),
    ):
        spikes = random_spikes(network.n_inputs, 400, rate=0.25, seed=2)[:, 0]
        zero = np.zeros(network.n_neurons, np.int64)
        signed = replace(network, decay=zero)
        # Most synapses excite, so that membranes stay above their lower limit.
        upward = np.where(np.arange(network.n_synapses) % 5 > 1, np.abs(network.weight), network.weight)
        unsigned = replace(signed, negative=zero, weight=upward)
        found[name] = Example(_tuned(signed, 5), spikes, True, behind)
        found[f"{name}, one-sided"] = Example(_tuned(unsigned, 2), np.abs(spikes), True, behind)
        leaking = replace(signed, decay=zero + 2)
        found[f"{name}, leaking"] = Example(_tuned(leaking, 8), spikes, False, behind)
    return found


def _tuned(network: Network, part: int) -> Network:
    """Set thresholds to a share of the sum of weights, and a slightly larger feedback weight in every third neuron.

    No synapse is stronger than a threshold, so that the feedback balances the input and membranes do not saturate.
    """
    size = np.abs(network.weight)
    largest = np.full(network.n_neurons, 5)
    np.maximum.at(largest, network.target, size)
    total = np.bincount(network.target, weights=size, minlength=network.n_neurons).astype(np.int64)
    theta = np.clip(total // part, largest, 200)
    return replace(network, theta_p=theta, theta_n=theta, w_fb=theta + 4 * (np.arange(theta.size) % 3 == 0))


def one_sided_layers(arch: ArchSpec, leak: int) -> Example:
    """Example of excitatory layers with at most one spike per step, which the readers of both tools support.

    The reader of snnTorch requires equal thresholds.
    """
    network = layered_network(arch, seed=1)
    weight, zero = np.abs(network.weight), np.zeros(network.n_neurons, np.int64)
    total = np.bincount(network.target, weights=weight).astype(np.int64)
    theta = zero + 200 if leak else total
    changed = replace(
        network, weight=weight, theta_p=theta, theta_n=theta, w_fb=theta, negative=zero, decay=zero + leak
    )
    spikes = np.abs(random_spikes(network.n_inputs, 400, rate=0.1 if leak else 0.25, seed=2)[:, 0])
    return Example(changed, spikes, leak == 0, 3)


def run_reader(example: Example, name: str) -> NDArray[np.int8]:
    """Run a feed-forward example by the NIR reader of the tool itself, instead of `run_peer`."""
    graph = nir.read(io.BytesIO(example.file()))
    inputs = torch.from_numpy(example.spikes.astype(np.float32))
    with torch.no_grad():
        if name == "sinabs":
            out = sinabs.nir.from_nir(graph, batch_size=1)(inputs)
            out = out[0] if isinstance(out, tuple) else out
            return np.asarray(out.numpy().astype(np.int8))
        module, state, rows = snntorch.import_nir.import_from_nir(graph), None, []
        for row in inputs:
            spikes, state = module(row[None], state)
            rows.append(spikes[0].numpy().astype(np.int8))
    return np.stack(rows)


def snntorch_neuron(node: Any, dt_s: float) -> Step:
    """Neuron of snnTorch for an IF or LIF node; it fires above the threshold.

    It subtracts the threshold a step after the spike and after the leak, which makes no difference without a leak.
    With one, its reset is disabled and the threshold is subtracted here.
    """
    leaks = isinstance(node, nir.LIF)
    threshold = torch.from_numpy(node.v_threshold)
    layer = snntorch.Leaky(
        beta=torch.from_numpy(np.asarray(1 - dt_s / node.tau if leaks else np.ones_like(node.r), np.float32)),
        threshold=threshold,
        reset_mechanism="none" if leaks else "subtract",
    )
    membrane = [torch.zeros(1, node.v_threshold.size)]

    def step(current: torch.Tensor) -> torch.Tensor:
        spikes: torch.Tensor
        spikes, after = layer(current, membrane[0])
        membrane[0] = after - spikes * threshold if leaks else after
        return spikes

    return step


def sinabs_neuron(node: Any, dt_s: float) -> Step:
    """Neuron of sinabs for an IF or LIF node; it fires at the threshold or above."""
    options: dict[str, Any] = {
        "spike_threshold": torch.from_numpy(node.v_threshold),
        "spike_fn": sinabs.activation.SingleSpike,
        "reset_fn": sinabs.activation.MembraneSubtract(),
        "min_v_mem": None,
    }
    layer: torch.nn.Module
    if isinstance(node, nir.LIF):
        # sinabs keeps exp(-1/tau) a step, which is to be 1 - dt/tau of the file.
        tau = -1 / np.log(1 - dt_s / node.tau.astype(np.float64))
        layer = sinabs.layers.LIF(
            tau_mem=torch.from_numpy(tau.astype(np.float32)), norm_input=False, **options
        )
    else:
        layer = sinabs.layers.IAF(**options)

    def step(current: torch.Tensor) -> torch.Tensor:
        spikes: torch.Tensor = layer(current[:, None])[:, 0]
        return spikes

    return step


PEERS: dict[str, Callable[[Any, float], Step]] = {"snntorch": snntorch_neuron, "sinabs": sinabs_neuron}


def run_peer(file: bytes, spikes: NDArray[np.int8], name: str, dt_s: float = 1e-4) -> NDArray[np.int8]:
    """Run a NIR file on input spikes [step, input] and return its output spikes, int8[step, output]."""
    graph = nir.read(io.BytesIO(file))
    make = PEERS[name]
    steps = {
        key: _linear(node) if isinstance(node, nir.Affine) else make(node, dt_s)
        for key, node in graph.nodes.items()
        if not isinstance(node, nir.Input | nir.Output)
    }
    order = _in_order(graph)
    before = {key: [source for source, target in graph.edges if target == key] for key in graph.nodes}
    outputs = {key: torch.zeros(1, _size(node)) for key, node in graph.nodes.items()}
    rows = []
    with torch.no_grad():
        for row in torch.from_numpy(np.asarray(spikes, np.float32)):
            outputs["input"] = row[None]
            for key in order:
                current = torch.stack([outputs[source] for source in before[key]]).sum(dim=0)
                outputs[key] = steps[key](current) if key in steps else current
            rows.append(outputs["output"][0].numpy().astype(np.int8))
    return np.stack(rows)


def _linear(node: Any) -> Step:
    weight, bias = torch.from_numpy(node.weight), torch.from_numpy(node.bias)
    return lambda current: current @ weight.T + bias


def _size(node: Any) -> int:
    return int(np.prod(next(iter(node.output_type.values()))))


def _in_order(graph: Any) -> list[str]:
    """Order of execution: recurrent matrices on the spikes of the step before, then from the input to the output."""
    edges = {key: [target for source, target in graph.edges if source == key] for key in graph.nodes}

    def reaches(start: str, goal: str) -> bool:
        seen, todo = set[str](), list(edges[start])
        while todo:
            if (at := todo.pop()) not in seen:
                seen.add(at)
                todo += edges[at]
        return goal in seen

    looped = {key for key in graph.nodes if isinstance(graph.nodes[key], nir.Affine) and reaches(key, key)}
    order, left = sorted(looped), [key for key in graph.nodes if key not in looped and key != "input"]
    while left:
        done = {"input", *order}
        ready = [key for key in left if all(source in done for source, end in graph.edges if end == key)]
        order += ready
        left = [key for key in left if key not in ready]
    return order
