"""A circuit that can be trained: sparse weights and thresholds are parameters, the wiring is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from anomaly.student.circuit import Circuit
from anomaly.student.distillation.neuron import NeuronLayer, to_integers
from anomaly.student.neuron_limits import NeuronLimits

# Width of a comparator's surrogate, in its first threshold.
_WIDTH = 0.7


class CircuitModel(nn.Module):
    """Runs a `Circuit` in torch, spike for spike as the simulator does.

    Trained are what comparators make of taps and of gates, and their thresholds; sums, slow neurons and gates stay.

    Args:
        circuit: the start; its zeros stay zeros, so fan-in never grows.
        limits: weights, thresholds and membranes are kept within the chip's.
    """

    mask: Tensor
    sums: Tensor
    quanta: Tensor
    heard: Tensor
    width: Tensor
    readout: Tensor
    divisors: Tensor
    slow_weights: Tensor
    slow_thresholds: Tensor
    slow_readout: Tensor
    gated_mask: Tensor
    needs: Tensor
    least: Tensor
    split_taps: Tensor
    split_signs: Tensor
    split_heights: Tensor

    def __init__(self, circuit: Circuit, limits: NeuronLimits) -> None:
        super().__init__()
        self._circuit, self._limits = circuit, limits
        weights = _real(circuit.weights)
        self.weights = nn.Parameter(weights.clone())
        self.thresholds = nn.Parameter(_real(circuit.thresholds))
        channels = torch.from_numpy(circuit.channels.astype(np.int64))
        readout = torch.zeros(len(circuit.divisors), len(circuit.thresholds))
        readout[channels, torch.arange(len(channels))] = 2.0 * _real(circuit.loads)
        self.register_buffer("mask", (weights != 0).float())
        self.register_buffer("sums", _real(circuit.sums.weights))
        self.register_buffer("quanta", _real(circuit.sums.quanta))
        self.register_buffer("heard", _real(circuit.heard))
        self.register_buffer("width", _WIDTH * _real(circuit.thresholds))
        self.register_buffer("readout", readout)
        self._slow(circuit)
        self._gates(circuit)
        self.register_buffer("divisors", _real(circuit.divisors))

    def _slow(self, circuit: Circuit) -> None:
        slow = circuit.slow
        if slow is None:
            return
        readout = np.zeros((len(circuit.divisors), len(slow.thresholds)), np.int32)
        readout[slow.channels, np.arange(len(slow.channels))] = 2 * slow.loads
        self.register_buffer("slow_weights", _real(slow.weights))
        self.register_buffer("slow_thresholds", _real(slow.thresholds))
        self.register_buffer("slow_readout", _real(readout))

    def _gates(self, circuit: Circuit) -> None:
        gates = circuit.gates
        if gates is None:
            return
        weights = _real(gates.weights)
        self.gated = nn.Parameter(weights.clone())
        self.register_buffer("gated_mask", (weights != 0).float())
        self.register_buffer("needs", _real(gates.needs))
        self.register_buffer("least", _real(gates.least))
        self.register_buffer("split_taps", torch.from_numpy(gates.taps.astype(np.int64)))
        self.register_buffer("split_signs", gates.unit * torch.sign(_real(gates.heights)))
        self.register_buffer("split_heights", gates.unit * _real(np.abs(gates.heights)) - gates.unit // 2)

    def forward(self, events: Tensor) -> Tensor:
        """Read-out spikes [steps, batch, channels] of delta events [steps, batch, bands], from a reset on."""
        readouts = self._layer(2 * self.divisors - 1, 2 * self.divisors, 2 * self.divisors)
        heard = _late(self.comparators(events))
        counted = heard @ self.readout.T
        if self._circuit.slow is not None:
            none, width = torch.zeros_like(self.slow_thresholds), _WIDTH * self.slow_thresholds
            slow = self._layer(self.slow_thresholds, none, width, leak=self._circuit.slow.leak)
            counted = counted + _late(slow.run(heard @ self.slow_weights.T)) @ self.slow_readout.T
        return readouts.run(counted)

    def comparators(self, events: Tensor) -> Tensor:
        """Spikes of the comparators, [steps, batch, comparators]."""
        taps = torch.cat([self._delayed(events, delay) for delay in range(self._circuit.delays + 1)], dim=2)
        weights = to_integers(self.weights * self.mask, self._limits.weight_max)
        thresholds = to_integers(self.thresholds, self._limits.threshold_max, least=1.0)
        layer = self._layer(thresholds, torch.zeros_like(thresholds), self.width, leak=self._circuit.leak)
        currents = taps @ weights.T + self._heard(taps)
        if self._circuit.gates is not None:
            gated = to_integers(self.gated * self.gated_mask, self._limits.weight_max)
            currents = currents + self._edges(taps) @ gated.T
        return layer.run(currents)

    def _edges(self, taps: Tensor) -> Tensor:
        """+1 in the step in which a comparator hears that a gate has opened, -1 that it has shut."""
        splits = self._layer(self.split_heights, torch.zeros_like(self.split_heights), self.split_heights)
        fired = splits.run(taps[:, :, self.split_taps] * self.split_signs)
        # A gate forgets everything in a step: what it holds is what its splits say.
        opened = _late((_late(fired) @ self.needs.T >= self.least).float())
        return _late(opened - _late(opened))

    def _heard(self, taps: Tensor) -> Tensor:
        """What sums add to the membranes of comparators in each step."""
        sums = self._layer(self.quanta, self.quanta, self.quanta, negative=True, leak=self._circuit.leak)
        return _late(sums.run(taps @ self.sums.T)) @ self.heard.T

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

    def keep_within_limits(self) -> None:
        """Bring parameters back to what the chip can hold; beyond it they would have no gradient."""
        with torch.no_grad():
            self.weights.clamp_(-self._limits.weight_max, self._limits.weight_max)
            self.thresholds.clamp_(1, self._limits.threshold_max)
            if self._circuit.gates is not None:
                self.gated.clamp_(-self._limits.weight_max, self._limits.weight_max)

    def to_circuit(self) -> Circuit:
        """The integers as they stand now."""
        with torch.no_grad():
            weights = to_integers(self.weights * self.mask, self._limits.weight_max)
            thresholds = to_integers(self.thresholds, self._limits.threshold_max, least=1.0)
            gates = self._circuit.gates
            if gates is not None:
                gated = to_integers(self.gated * self.gated_mask, self._limits.weight_max)
                gates = replace(gates, weights=_integers(gated))
        return replace(
            self._circuit, weights=_integers(weights), thresholds=_integers(thresholds), gates=gates
        )


def _late(spikes: Tensor) -> Tensor:
    """A neuron's spikes act one step later."""
    return torch.cat([torch.zeros_like(spikes[:1]), spikes[:-1]])


def _real(values: npt.NDArray[np.int32]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _integers(values: Tensor) -> npt.NDArray[np.int32]:
    return values.cpu().numpy().astype(np.int32)
