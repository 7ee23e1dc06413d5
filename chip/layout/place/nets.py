"""What has to be connected: one net for each source that is heard, its pins, and how often it spikes."""

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
    """Pins by net. Blocks are what is placed: neurons first, then inputs, then outputs.

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
        """The nets of a network; sources that nobody hears have none.

        Args:
            network: what is to be connected.
            rates: spikes of each source per step, inputs first; every net counts the same without.

        Raises:
            NetworkError: there is not one rate, at least 0, for each source.
        """
        n_sources = network.n_inputs + network.n_neurons
        rate = np.ones(n_sources) if rates is None else np.asarray(rates, np.float64)
        if rate.shape != (n_sources,) or not (np.isfinite(rate) & (rate >= 0)).all():
            raise NetworkError(f"are not {n_sources} numbers of at least 0", where="rates")
        heard = np.concatenate([network.source, network.outputs + network.n_inputs])
        hearers = np.concatenate([network.target, np.arange(network.n_outputs) + n_sources])
        drivers = np.unique(heard).astype(np.int64)
        # The driver's pin gets a hearer of -1, so that it is sorted before the others.
        source, hearer = (
            np.concatenate([drivers, heard]),
            np.concatenate([np.full(drivers.size, -1), hearers]),
        )
        order = np.lexsort((hearer, source))
        source, hearer = source[order].astype(np.int64), hearer[order].astype(np.int64)
        is_input = source < network.n_inputs
        driver = np.where(is_input, source + network.n_neurons, source - network.n_inputs)
        # A neuron that hears itself needs no second pin.
        keep = (hearer < 0) | (hearer != driver)
        block = np.where(hearer < 0, driver, hearer)[keep]
        start = np.append(np.searchsorted(source[keep], drivers), block.size)
        return cls(
            network.n_neurons, network.n_inputs, network.n_outputs, block, start, drivers, rate[drivers]
        )

    @property
    def n_blocks(self) -> int:
        """Neurons, inputs and outputs together."""
        return self.n_neurons + self.n_inputs + self.n_outputs

    def __len__(self) -> int:
        return len(self.rate)

    def net_of_pin(self) -> Ints:
        """The net of each pin, [pin]."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))
