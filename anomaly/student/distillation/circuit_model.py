"""A circuit as a trainable model in torch: sparse weights and thresholds are parameters, the wiring is fixed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from anomaly.student.circuit import Circuit
from anomaly.student.distillation.neuron import NeuronLayer, to_integers
from anomaly.student.neuron_limits import NeuronLimits

# Width of a comparator's surrogate gradient, as a share of its initial threshold.
_WIDTH = 0.7


class CircuitModel(nn.Module):
    """A `Circuit` in torch that fires spike for spike as the simulator does.

    Parameters are the comparators' weights from taps and from gates, and their thresholds; sums, drift integrators and
    gates are fixed.

    Args:
        circuit: the start; its zeros stay zeros, so fan-in never grows.
        limits: of the chip for weights, thresholds and membranes.
    """

    mask: Tensor
    sums: Tensor
    quanta: Tensor
    sum_weights: Tensor
    width: Tensor
    readout: Tensor
    divisors: Tensor
    drift_weights: Tensor
    drift_thresholds: Tensor
    drift_readout: Tensor
    gate_mask: Tensor
    gate_signs: Tensor
    min_active: Tensor
    split_taps: Tensor
    split_signs: Tensor
    split_thresholds: Tensor

    def __init__(self, circuit: Circuit, limits: NeuronLimits) -> None:
        super().__init__()
        self._circuit, self._limits = circuit, limits
        weights = _real(circuit.tap_weights)
        self.weights = nn.Parameter(weights.clone())
        self.thresholds = nn.Parameter(_real(circuit.thresholds))
        channels = torch.from_numpy(circuit.channels.astype(np.int64))
        readout = torch.zeros(len(circuit.divisors), len(circuit.thresholds))
        readout[channels, torch.arange(len(channels))] = 2.0 * _real(circuit.loads)
        self.register_buffer("mask", (weights != 0).float())
        self.register_buffer("sums", _real(circuit.sums.weights))
        self.register_buffer("quanta", _real(circuit.sums.quanta))
        self.register_buffer("sum_weights", _real(circuit.sum_weights))
        self.register_buffer("width", _WIDTH * _real(circuit.thresholds))
        self.register_buffer("readout", readout)
        self._register_drift(circuit)
        self._register_gates(circuit)
        self.register_buffer("divisors", _real(circuit.divisors))

    def _register_drift(self, circuit: Circuit) -> None:
        drift = circuit.drift
        if drift is None:
            return
        readout = np.zeros((len(circuit.divisors), len(drift.thresholds)), np.int32)
        readout[drift.channels, np.arange(len(drift.channels))] = 2 * drift.loads
        self.register_buffer("drift_weights", _real(drift.weights))
        self.register_buffer("drift_thresholds", _real(drift.thresholds))
        self.register_buffer("drift_readout", _real(readout))

    def _register_gates(self, circuit: Circuit) -> None:
        gates = circuit.gates
        if gates is None:
            return
        weights = _real(gates.comparator_weights)
        self.gate_weights = nn.Parameter(weights.clone())
        self.register_buffer("gate_mask", (weights != 0).float())
        self.register_buffer("gate_signs", _real(gates.split_signs))
        self.register_buffer("min_active", _real(gates.min_active))
        self.register_buffer("split_taps", torch.from_numpy(gates.split_taps.astype(np.int64)))
        self.register_buffer("split_signs", gates.unit * torch.sign(_real(gates.split_thresholds)))
        self.register_buffer(
            "split_thresholds", gates.unit * _real(np.abs(gates.split_thresholds)) - gates.unit // 2
        )

    def forward(self, events: Tensor) -> Tensor:
        """Run the circuit from a reset on.

        Args:
            events: delta events, [steps, batch, bands].

        Returns:
            Read-out spikes, [steps, batch, channels].
        """
        readouts = self._layer(2 * self.divisors - 1, 2 * self.divisors, 2 * self.divisors)
        spikes = _late(self.comparators(events))
        load = spikes @ self.readout.T
        if self._circuit.drift is not None:
            none, width = torch.zeros_like(self.drift_thresholds), _WIDTH * self.drift_thresholds
            drift = self._layer(self.drift_thresholds, none, width, leak=self._circuit.drift.leak)
            load = load + _late(drift.run(spikes @ self.drift_weights.T)) @ self.drift_readout.T
        return readouts.run(load)

    def comparators(self, events: Tensor) -> Tensor:
        """Return the spikes of the comparators, [steps, batch, comparators]."""
        taps = torch.cat([self._delayed(events, delay) for delay in range(self._circuit.delays + 1)], dim=2)
        weights = to_integers(self.weights * self.mask, self._limits.weight_max)
        thresholds = to_integers(self.thresholds, self._limits.threshold_max, low=1.0)
        layer = self._layer(thresholds, torch.zeros_like(thresholds), self.width, leak=self._circuit.leak)
        currents = taps @ weights.T + self._sum_currents(taps)
        if self._circuit.gates is not None:
            gate_weights = to_integers(self.gate_weights * self.gate_mask, self._limits.weight_max)
            currents = currents + self._edges(taps) @ gate_weights.T
        return layer.run(currents)

    def _edges(self, taps: Tensor) -> Tensor:
        """Return the edges of gates as comparators receive them: +1 when one has opened, -1 when it has closed."""
        splits = self._layer(
            self.split_thresholds, torch.zeros_like(self.split_thresholds), self.split_thresholds
        )
        fired = splits.run(taps[:, :, self.split_taps] * self.split_signs)
        # A gate has no memory: its membrane is the signed sum of the splits that fire.
        opened = _late((_late(fired) @ self.gate_signs.T >= self.min_active).float())
        return _late(opened - _late(opened))

    def _sum_currents(self, taps: Tensor) -> Tensor:
        """Return the input of comparators from sums in each step."""
        sums = self._layer(self.quanta, self.quanta, self.quanta, negative=True, leak=self._circuit.leak)
        return _late(sums.run(taps @ self.sums.T)) @ self.sum_weights.T

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
        """Clip parameters to the chip's limits, beyond which they would have no gradient."""
        with torch.no_grad():
            self.weights.clamp_(-self._limits.weight_max, self._limits.weight_max)
            self.thresholds.clamp_(1, self._limits.threshold_max)
            if self._circuit.gates is not None:
                self.gate_weights.clamp_(-self._limits.weight_max, self._limits.weight_max)

    def to_circuit(self) -> Circuit:
        """Return the circuit with the present parameters, rounded."""
        with torch.no_grad():
            weights = to_integers(self.weights * self.mask, self._limits.weight_max)
            thresholds = to_integers(self.thresholds, self._limits.threshold_max, low=1.0)
            gates = self._circuit.gates
            if gates is not None:
                gate_weights = to_integers(self.gate_weights * self.gate_mask, self._limits.weight_max)
                gates = replace(gates, comparator_weights=_integers(gate_weights))
        return replace(
            self._circuit, tap_weights=_integers(weights), thresholds=_integers(thresholds), gates=gates
        )


def _late(spikes: Tensor) -> Tensor:
    """Delay spikes by one step, after which they act on their targets."""
    return torch.cat([torch.zeros_like(spikes[:1]), spikes[:-1]])


def _real(values: npt.NDArray[np.int32]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _integers(values: Tensor) -> npt.NDArray[np.int32]:
    return values.cpu().numpy().astype(np.int32)
