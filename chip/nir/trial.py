"""AgreementTrial of an import: the graph in real numbers beside the chip's integers, on the same input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.nir.agreement import Agreement, agreement_of
from chip.nir.discretise import DiscreteNeurons, Reset
from chip.nir.imported import NirImport
from chip.nir.measure import chip_spikes
from chip.nir.reference import RATE, STEPS, checked_spikes, reference_spikes, trial_spikes

__all__ = ["ALL", "AgreementTrial"]

ALL = "all"
"""Key of the agreement of all neurons together."""
# Shares of inputs that fire in a step, tried until the graph responds.
RATES = (RATE, 0.5, 1.0)
# Synapses times steps of a trial at most: a second or so.
_MOST_WORK, _FEWEST_STEPS = 1e8, 100


@dataclass(frozen=True)
class AgreementTrial:
    """Input and the response of the graph in real numbers.

    Args:
        neurons: neurons of the graph.
        inputs: input spikes, [step, input].
        reference: spikes of every neuron, [step, neuron].
        description: of the input, for reports.
    """

    neurons: DiscreteNeurons
    inputs: NDArray[np.int8]
    reference: NDArray[np.bool_]
    description: str

    @classmethod
    def of(
        cls, neurons: DiscreteNeurons, reset: Reset, spikes: NDArray[np.integer[Any]] | None = None
    ) -> AgreementTrial:
        """Run the graph on given spikes; or on random ones, more of them if it stays silent."""
        if spikes is not None:
            inputs = checked_spikes(neurons, spikes)
            found = reference_spikes(neurons, inputs, reset=reset)
            return cls(neurons, inputs, found, f"the given spikes, {len(inputs)} steps")
        steps = int(np.clip(_MOST_WORK / max(1, neurons.weights.nnz), _FEWEST_STEPS, STEPS))
        for rate in RATES:
            inputs = trial_spikes(neurons.n_inputs, steps=steps, rate=rate)
            found = reference_spikes(neurons, inputs, reset=reset)
            if all(found[:, part].any() for part in _parts(neurons).values()):
                break
        description = f"{steps} steps of random spikes, each input firing in {rate:.0%} of them"
        return cls(neurons, inputs, found, description)

    @property
    def silent(self) -> bool:
        """Return whether the graph does not respond to the input."""
        return not self.reference.any()

    def agreement(self, imported: NirImport, v_sat: int) -> dict[str, Agreement]:
        """Compare the chip with the graph: all neurons, and those of each node."""
        if imported.translation is None:
            return {}
        found = chip_spikes(imported.network, imported.translation, self.inputs, v_sat)
        by_node = {
            name: agreement_of(self.reference[:, part], found[:, part])
            for name, part in _parts(self.neurons).items()
        }
        return {ALL: agreement_of(self.reference, found), **by_node}


def _parts(neurons: DiscreteNeurons) -> dict[str, slice]:
    return {name: slice(neurons.starts[at], neurons.starts[at + 1]) for at, name in enumerate(neurons.names)}
