"""A circuit that can be trained: sparse weights and thresholds are parameters, the wiring is not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from anomaly.student.circuit import Circuit, Limits
from anomaly.student.neuron import NeuronLayer, to_integers

# The surrogate's width, as a share of a comparator's threshold.
_WIDTH = 0.25


class CircuitModel(nn.Module):
    """Runs a `Circuit` in torch, spike for spike as the simulator does.

    Args:
        circuit: the start; its zeros stay zeros, so fan-in never grows.
        limits: weights, thresholds and membranes are kept within the chip's.
    """

    mask: Tensor
    readout: Tensor
    divisors: Tensor

    def __init__(self, circuit: Circuit, limits: Limits) -> None:
        super().__init__()
        self._circuit, self._limits = circuit, limits
        weights = torch.from_numpy(circuit.weights.astype(np.float32))
        self.weights = nn.Parameter(weights.clone())
        self.thresholds = nn.Parameter(torch.from_numpy(circuit.thresholds.astype(np.float32)))
        readout = torch.zeros(len(circuit.divisors), len(circuit.thresholds))
        readout[
            torch.from_numpy(circuit.channels.astype(np.int64)), torch.arange(len(circuit.thresholds))
        ] = 1.0
        self.register_buffer("mask", (weights != 0).float())
        self.register_buffer("readout", readout)
        self.register_buffer("divisors", torch.from_numpy(circuit.divisors.astype(np.float32)))

    def forward(self, events: Tensor) -> Tensor:
        """Read-out spikes [steps, batch, channels] of delta events [steps, batch, bands], from a reset on."""
        taps = torch.cat([self._delayed(events, delay) for delay in range(self._circuit.delays + 1)], dim=2)
        weights = to_integers(self.weights * self.mask, self._limits.weight_max)
        thresholds = to_integers(self.thresholds, self._limits.threshold_max, least=1.0)
        comparators = self._layer(
            thresholds, torch.zeros_like(thresholds), _WIDTH * thresholds.detach() + 1.0
        )
        spikes = comparators.run(taps @ weights.T)
        # A neuron's spikes act one step later.
        late = torch.cat([torch.zeros_like(spikes[:1]), spikes[:-1]])
        readouts = self._layer(self.divisors, self.divisors, self.divisors)
        return readouts.run(late @ self.readout.T)

    def _layer(self, thresholds: Tensor, feedback: Tensor, width: Tensor) -> NeuronLayer:
        return NeuronLayer(thresholds, thresholds, False, feedback, 0, float(self._limits.v_sat), width)

    def _delayed(self, events: Tensor, delay: int) -> Tensor:
        shift = delay * self._circuit.micro_steps
        if shift == 0:
            return events
        return torch.cat([torch.zeros_like(events[:shift]), events[:-shift]])[: len(events)]

    def keep_within_limits(self) -> None:
        """Bring parameters back to what the chip can hold; beyond it they would have no gradient."""
        with torch.no_grad():
            self.weights.clamp_(-self._limits.weight_max, self._limits.weight_max)
            self.thresholds.clamp_(1, self._limits.threshold_max)

    def to_circuit(self) -> Circuit:
        """The integers as they stand now."""
        with torch.no_grad():
            weights = to_integers(self.weights * self.mask, self._limits.weight_max)
            thresholds = to_integers(self.thresholds, self._limits.threshold_max, least=1.0)
        old = self._circuit
        return Circuit(
            bands=old.bands,
            micro_steps=old.micro_steps,
            delays=old.delays,
            weights=_integers(weights),
            thresholds=_integers(thresholds),
            channels=old.channels,
            divisors=old.divisors,
        )


def _integers(values: Tensor) -> npt.NDArray[np.int32]:
    return values.numpy().astype(np.int32)
