"""Nets of a network: one for each source that is used, with its pins and its spike rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.errors import NetworkError
from chip.network import Network

__all__ = ["Nets"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Nets:
    """Pins by net. Blocks are the objects that are placed: neurons first, then inputs, then outputs.

    Args:
        n_neurons: blocks that need a cell.
        n_inputs: blocks that need an input pad.
        n_outputs: blocks that need an output pad.
        block: of each pin, [pin]; the pins of a net are neighbours, its driver comes first.
        start: first pin of each net, [net + 1].
        source: of each net, inputs first, ascending, [net].
        rate: spikes of each net per step, [net].
    """

    n_neurons: int
    n_inputs: int
    n_outputs: int
    block: Ints
    start: Ints
    source: Ints
    rate: NDArray[np.float64]

    @classmethod
    def of(cls, network: Network, rates: NDArray[np.floating[Any]] | None = None) -> Nets:
        """Collect the nets of a network; unused sources have none.

        Args:
            network: network to connect.
            rates: spikes of each source per step, inputs first; 1 for every source by default.

        Raises:
            NetworkError: there is not one rate, at least 0, for each source.
        """
        n_sources = network.n_inputs + network.n_neurons
        rate = np.ones(n_sources) if rates is None else np.asarray(rates, np.float64)
        if rate.shape != (n_sources,) or not (np.isfinite(rate) & (rate >= 0)).all():
            raise NetworkError(f"are not {n_sources} numbers of at least 0", where="rates")
        used = np.concatenate([network.source, network.outputs + network.n_inputs])
        sinks = np.concatenate([network.target, np.arange(network.n_outputs) + n_sources])
        drivers = np.unique(used).astype(np.int64)
        # The driver's pin gets a sink of -1, so that it is sorted before the others.
        source, sink = (
            np.concatenate([drivers, used]),
            np.concatenate([np.full(drivers.size, -1), sinks]),
        )
        order = np.lexsort((sink, source))
        source, sink = source[order].astype(np.int64), sink[order].astype(np.int64)
        is_input = source < network.n_inputs
        driver = np.where(is_input, source + network.n_neurons, source - network.n_inputs)
        # A synapse of a neuron to itself needs no second pin.
        keep = (sink < 0) | (sink != driver)
        block = np.where(sink < 0, driver, sink)[keep]
        start = np.append(np.searchsorted(source[keep], drivers), block.size)
        return cls(
            network.n_neurons, network.n_inputs, network.n_outputs, block, start, drivers, rate[drivers]
        )

    @property
    def n_blocks(self) -> int:
        """Number of neurons, inputs and outputs together."""
        return self.n_neurons + self.n_inputs + self.n_outputs

    def __len__(self) -> int:
        return len(self.rate)

    def net_of_pin(self) -> Ints:
        """Return the net of each pin, [pin]."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))
