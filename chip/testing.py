"""Networks at random, for tests and trials: every parameter within what a chip allows."""

from __future__ import annotations

import numpy as np

from chip.arch import ArchSpec
from chip.network import Network

__all__ = ["random_network"]


def random_network(
    arch: ArchSpec, *, seed: int, inputs: int = 8, neurons: int = 24, outputs: int = 4, fan_in: int = 6
) -> Network:
    """A network with arbitrary loops whose parameters suit a chip.

    It fits as long as the sizes do and no source is used more often than a net may be.

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
