"""Builder of networks, one neuron and one synapse at a time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from chip.errors import NetworkError
from chip.network import NEURON_FIELDS, Network

__all__ = ["NetworkBuilder"]


class NetworkBuilder:
    """Builder that collects neurons, synapses and outputs into an immutable network.

    Sources are numbered as in ``Network``: inputs first, then neurons; ``source_of`` gives the number.

    Example:
        >>> builder = NetworkBuilder(n_inputs=1)
        >>> relay = builder.add_neuron(theta_p=1, theta_n=1, negative=True, w_fb=1)
        >>> builder.connect(0, relay, 1)
        >>> builder.output(relay)
        >>> builder.build().n_synapses
        1
    """

    def __init__(self, n_inputs: int, *, input_labels: Iterable[str] = ()) -> None:
        self.n_inputs = n_inputs
        self._input_labels = tuple(input_labels)
        self._neurons: list[tuple[int, int, bool, int, int]] = []
        self._labels: list[str] = []
        self._weights: dict[tuple[int, int], int] = {}
        self._outputs: list[int] = []

    @property
    def n_neurons(self) -> int:
        """Number of neurons added so far."""
        return len(self._neurons)

    def add_neuron(
        self,
        *,
        theta_p: int,
        theta_n: int | None = None,
        negative: bool = False,
        w_fb: int = 0,
        decay: int = 0,
        label: str = "",
    ) -> int:
        """Add a neuron and return its index; ``theta_n`` defaults to ``theta_p``."""
        theta_n = theta_p if theta_n is None else theta_n
        self._neurons.append((theta_p, theta_n, negative, w_fb, decay))
        self._labels.append(label)
        return len(self._neurons) - 1

    def source_of(self, neuron: int) -> int:
        """Return the source number of a neuron, for ``connect``."""
        return self.n_inputs + neuron

    def connect(self, source: int, target: int, weight: int) -> None:
        """Add one synapse from a source number to a neuron.

        Raises:
            NetworkError: the pair is connected already.
        """
        if (target, source) in self._weights:
            raise NetworkError(
                "is connected already",
                where=f"source {source} to neuron {target}",
                hint="add the weights into one synapse",
            )
        self._weights[target, source] = weight

    def output(self, neuron: int) -> None:
        """Append a neuron to the outputs."""
        self._outputs.append(neuron)

    def build(self) -> Network:
        """Build the network.

        Raises:
            NetworkError: see ``Network``.
        """
        columns = zip(*self._neurons, strict=True) if self._neurons else [()] * len(NEURON_FIELDS)
        neurons = {name: np.array(column) for name, column in zip(NEURON_FIELDS, columns, strict=True)}
        return Network(
            n_inputs=self.n_inputs,
            **neurons,
            source=np.array([source for _, source in self._weights]),
            target=np.array([target for target, _ in self._weights]),
            weight=np.array(list(self._weights.values())),
            outputs=np.array(self._outputs),
            labels=tuple(self._labels) if any(self._labels) else (),
            input_labels=self._input_labels,
        )
