"""Simulation task for all peers: one layered network of integrate-and-fire neurons, and its input spikes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TURN = "your turn"


@dataclass(frozen=True)
class Task:
    """Network without leak and with subtractive reset, which every simulator can run.

    Args:
        source: of each synapse, inputs first.
        target: neuron each synapse ends at.
        weight: of each synapse.
        theta: threshold of each neuron, subtracted at a spike.
        spikes: 0 or 1 of each [step, stream, input].
        layers: number of layers of equal size; neurons are numbered layer by layer.
        turns: number of runs that a fast simulator takes in turns with ours.
    """

    source: NDArray[np.int64]
    target: NDArray[np.int64]
    weight: NDArray[np.float32]
    theta: NDArray[np.float32]
    spikes: NDArray[np.int8]
    layers: int
    turns: int

    def dense(self) -> list[NDArray[np.float32]]:
        """Weights of each layer, [neuron, source]."""
        inputs, size = self.spikes.shape[2], self.theta.size // self.layers
        full = np.zeros((self.theta.size, inputs + self.theta.size), np.float32)
        full[self.target, self.source] = self.weight
        starts = [0, *(inputs + layer * size for layer in range(self.layers))]
        return [full[k * size : (k + 1) * size, starts[k] : starts[k + 1]] for k in range(self.layers)]


def wait_for_turn() -> None:
    """Wait until the other simulator has measured, which is when a line, or the end, comes on stdin."""
    print(TURN, flush=True)
    sys.stdin.readline()


def serve(run: Callable[[Task], dict[str, Any]]) -> None:
    """Read the task file named on the command line, run it, and print the result as JSON."""
    with np.load(sys.argv[1]) as file:
        task = Task(
            *(file[name] for name in ("source", "target", "weight", "theta", "spikes")),
            *(int(file[name]) for name in ("layers", "turns")),
        )
    print(json.dumps(run(task)))
