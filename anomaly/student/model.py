"""A circuit that can be trained: sparse weights and thresholds are parameters, the wiring is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from anomaly.student.circuit import Circuit, Limits
from anomaly.student.neuron import NeuronLayer, to_integers

# Width of a comparator's surrogate, in spikes of its residual.
_WIDTH = 2.0


class CircuitModel(nn.Module):
    """Runs a `Circuit` in torch, spike for spike as the simulator does.

    Args:
        circuit: the start; its zeros stay zeros, so fan-in never grows.
        limits: weights, thresholds and membranes are kept within the chip's.
    """

    mask: Tensor
    quanta: Tensor
    signs: Tensor
    listens: Tensor
    readout: Tensor
    divisors: Tensor

    def __init__(self, circuit: Circuit, limits: Limits) -> None:
        super().__init__()
        self._circuit, self._limits = circuit, limits
        weights = _real(circuit.weights)
        self.weights = nn.Parameter(weights.clone())
        self.thresholds = nn.Parameter(_real(circuit.thresholds))
        channels = torch.from_numpy(circuit.channels[circuit.listens].astype(np.int64))
        readout = torch.zeros(len(circuit.divisors), len(circuit.thresholds))
        readout[channels, torch.arange(len(channels))] = 2.0 * _real(circuit.loads)
        self.register_buffer("mask", (weights != 0).float())
        self.register_buffer("quanta", _real(circuit.quanta))
        self.register_buffer("signs", _real(circuit.signs))
        self.register_buffer("listens", torch.from_numpy(circuit.listens.astype(np.int64)))
        self.register_buffer("readout", readout)
        self.register_buffer("divisors", _real(circuit.divisors))

    def forward(self, events: Tensor) -> Tensor:
        """Read-out spikes [steps, batch, channels] of delta events [steps, batch, bands], from a reset on."""
        readouts = self._layer(2 * self.divisors - 1, 2 * self.divisors, 2 * self.divisors)
        return readouts.run(_late(self.comparators(events)) @ self.readout.T)

    def comparators(self, events: Tensor) -> Tensor:
        """Spikes of the comparators, [steps, batch, comparators]."""
        taps = torch.cat([self._delayed(events, delay) for delay in range(self._circuit.delays + 1)], dim=2)
        weights = to_integers(self.weights * self.mask, self._limits.weight_max)
        residuals = self._layer(self.quanta, self.quanta, self.quanta, negative=True)
        sent = residuals.run(taps @ weights.T)
        thresholds = to_integers(self.thresholds, self._limits.threshold_max, least=1.0)
        weight, leak = self._circuit.listen_weight, self._circuit.listen_leak
        width = torch.full_like(thresholds, weight * _WIDTH)
        layer = self._layer(thresholds, torch.zeros_like(thresholds), width, leak=leak)
        return layer.run(weight * _late(sent)[:, :, self.listens] * self.signs)

    def _layer(
        self,
        thresholds: Tensor,
        feedback: Tensor,
        width: Tensor,
        *,
        negative: bool = False,
        leak: int = 0,
    ) -> NeuronLayer:
        return NeuronLayer(thresholds, thresholds, negative, feedback, leak, float(self._limits.v_sat), width)

    def _delayed(self, events: Tensor, delay: int) -> Tensor:
        shift = delay * self._circuit.micro_steps
        if shift == 0:
            return events
        return torch.cat([torch.zeros_like(events[:shift]), events[:-shift]])[: len(events)]

    @property
    def listen_weight(self) -> int:
        """What a spike of a residual adds to a comparator: the unit of its threshold."""
        return self._circuit.listen_weight

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
        return replace(self._circuit, weights=_integers(weights), thresholds=_integers(thresholds))


def _late(spikes: Tensor) -> Tensor:
    """A neuron's spikes act one step later."""
    return torch.cat([torch.zeros_like(spikes[:1]), spikes[:-1]])


def _real(values: npt.NDArray[np.int32]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _integers(values: Tensor) -> npt.NDArray[np.int32]:
    return values.cpu().numpy().astype(np.int32)
