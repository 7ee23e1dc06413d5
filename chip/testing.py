"""Random networks for tests and benchmarks: every parameter is within the limits of a chip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.network import Network

__all__ = ["full_random_network", "layered_network", "random_network"]


def random_network(
    arch: ArchSpec, *, seed: int, inputs: int = 8, neurons: int = 24, outputs: int = 4, fan_in: int = 6
) -> Network:
    """Generate a network with arbitrary loops whose parameters fit a chip.

    It fits as long as the sizes do and no source exceeds the load of a net.

    Args:
        arch: gives the ranges of all parameters.
        seed: the same seed gives the same network.
        inputs: number of inputs.
        neurons: number of neurons.
        outputs: number of outputs, at most ``neurons``.
        fan_in: largest number of synapses of a neuron.
    """
    random = np.random.default_rng(seed)
    most = min(fan_in, inputs + neurons)
    counts = random.integers(0, most + 1, neurons)
    sources = [random.permutation(inputs + neurons)[:count] for count in counts]
    target = np.repeat(np.arange(neurons), counts)
    sign = random.integers(0, 2, target.size) * 2 - 1
    return Network(
        n_inputs=inputs,
        theta_p=random.integers(1, arch.threshold_max + 1, neurons),
        theta_n=random.integers(1, arch.threshold_max + 1, neurons),
        negative=random.integers(0, 2, neurons),
        w_fb=random.integers(0, arch.feedback_max + 1, neurons),
        decay=random.choice(np.array(arch.neuron.decay_shifts.value), neurons),
        source=np.concatenate([np.zeros(0, np.int64), *sources]),
        target=target,
        weight=sign * random.integers(1, arch.weight_max + 1, target.size),
        outputs=random.permutation(neurons)[:outputs],
    )


def layered_network(
    arch: ArchSpec, *, seed: int, layers: int = 4, inputs: int = 128, outputs: int = 64
) -> Network:
    """Generate a full chip of equal layers, each neuron connected to the nearest ones of the layer before.

    Layers are lines; the sources of a neuron are as many neighbours around its own position in the line before as
    its fan-in allows, those of the first layer the inputs. Numbers are shuffled, so that they carry no positions.
    """
    random = np.random.default_rng(seed)
    size, fan_in = arch.array.neurons.value // layers, arch.neuron.fan_in.value
    sources = []
    for layer in range(layers):
        before, offset = (size, inputs + (layer - 1) * size) if layer else (inputs, 0)
        middle = np.arange(size) * before // size
        first = np.clip(middle - fan_in // 2, 0, before - fan_in)
        sources.append(first[:, None] + np.arange(fan_in) + offset)
    return _with_parameters(arch, random, np.concatenate(sources), inputs, outputs, size * (layers - 1))


def full_random_network(arch: ArchSpec, *, seed: int, inputs: int = 128, outputs: int = 64) -> Network:
    """Generate a full chip whose neurons have sources anywhere, which should not be routable."""
    random = np.random.default_rng(seed)
    neurons, fan_in = arch.array.neurons.value, arch.neuron.fan_in.value
    random_key = random.random((neurons, inputs + neurons))
    return _with_parameters(arch, random, np.argsort(random_key, axis=1)[:, :fan_in], inputs, outputs, 0)


def _with_parameters(
    arch: ArchSpec,
    random: np.random.Generator,
    sources: NDArray[np.int64],
    inputs: int,
    outputs: int,
    first_output: int,
) -> Network:
    """Add random weights to sources [neuron, synapse], and thresholds at which some per cent of the neurons fire."""
    neurons, fan_in = sources.shape
    number = random.permutation(neurons)
    named = np.where(sources < inputs, sources, number[np.maximum(sources - inputs, 0)] + inputs)
    sign = random.integers(0, 2, named.size) * 2 - 1
    theta = random.integers(arch.weight_max, 3 * arch.weight_max, neurons).clip(1, arch.threshold_max)
    return Network(
        n_inputs=inputs,
        theta_p=theta,
        theta_n=theta,
        negative=np.ones(neurons, np.int64),
        w_fb=theta,
        decay=np.full(neurons, 3 if 3 in arch.neuron.decay_shifts.value else 0),
        source=named.ravel(),
        target=np.repeat(number, fan_in),
        weight=sign * random.integers(1, arch.weight_max + 1, named.size),
        outputs=number[first_output + random.permutation(neurons - first_output)[:outputs]],
    )
