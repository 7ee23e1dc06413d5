"""Student in the rate domain: spike counts through integer weights, with gradients past rounding and thresholds.

A neuron without leak that receives the charge ``Q`` in all fires ``floor(Q / theta)`` spikes, as long as charge does
not come and go; counts of the layers below times integer weights give ``Q``. The forward pass works with the integers
that go to the chip; backwards, rounding and masks count as the identity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from chip.arch import ArchSpec
from chip.distil.start import StudentShape

__all__ = ["IntegerLayer", "RateStudent", "RunWindow"]

# Share of the largest threshold that is used: larger ones leave less room in the membrane.
_THETA_SHARE = 0.75


@dataclass(frozen=True)
class RunWindow:
    """Steps of a run.

    Args:
        steps: of the input code.
        total: of the whole run, with the time that spikes take through the layers.
    """

    steps: int
    total: int

    @classmethod
    def of(cls, steps: int, depth: int) -> RunWindow:
        """Return the window of a network of this depth."""
        return cls(steps, steps + depth + max(1, steps // 8))


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """Integers of one layer: ``weight`` [neuron, source value], ``bias`` a step, ``theta``."""

    weight: NDArray[np.int64]
    bias: NDArray[np.int64]
    theta: NDArray[np.int64]


class RateStudent(nn.Module):
    """Trainable student.

    Args:
        shape: layers and their start.
        arch: the chip: fan-in, weight bits, thresholds.
        window: steps of a run.
    """

    def __init__(self, shape: StudentShape, arch: ArchSpec, window: RunWindow) -> None:
        super().__init__()
        self.shape, self.window = shape, window
        self.q_max, self.v_sat = arch.weight_max, arch.v_sat
        self.theta_max = max(1, int(min(arch.threshold_max, arch.feedback_max) * _THETA_SHARE))
        self.limit = arch.neuron.fan_in.value
        shift = 0.5 / window.steps
        self.weights = nn.ParameterList(_parameter(layer.weight) for layer in shape.layers)
        self.biases = nn.ParameterList(_parameter(layer.bias + shift) for layer in shape.layers[:-1])
        self.log_gain = _parameter(np.zeros(len(shape.gain)))
        self.offset = _parameter(shape.offset)
        self.masks = [torch.ones_like(weight) for weight in self.weights]
        self.power = [torch.ones(weight.shape[1]) for weight in self.weights]
        self.noise, self.dense_gradient = 0.0, True
        output = torch.zeros(len(shape.members), shape.layers[-1].size)
        for value, members in enumerate(shape.members):
            output[value, list(members)] = 1.0 / len(members)
        self.members, self.gain = output, torch.tensor(shape.gain, dtype=torch.float32)

    def sparsify(self, fan_in: int) -> None:
        """Keep the ``fan_in`` strongest synapses of each neuron: weight times the usual count of the source."""
        for at, weight in enumerate(self.weights):
            keep = min(fan_in, self.synapse_limit(at))
            if keep >= weight.shape[1]:
                self.masks[at].fill_(1.0)
                continue
            score = weight.detach().abs() * self.power[at].sqrt()
            chosen = score.topk(keep, dim=1).indices
            self.masks[at] = torch.zeros_like(weight).scatter_(1, chosen, 1.0)

    def synapse_limit(self, at: int) -> int:
        """Synapses that a neuron of a layer may have, one for the bias of hidden ones taken off."""
        return self.limit - (at < len(self.biases))

    def integers(self, at: int) -> tuple[Tensor, Tensor, Tensor]:
        """Weights, bias and thresholds as whole numbers, with gradients to the real ones."""
        weight = self.weights[at] * self.masks[at]
        bias = self.biases[at] if at < len(self.biases) else torch.zeros(len(weight))
        largest = torch.maximum(weight.detach().abs().amax(dim=1), bias.detach().abs()).clamp(min=1e-6)
        scale = (self.q_max / largest).clamp(max=float(self.theta_max))
        theta = scale.round().clamp(min=1.0)
        if self.dense_gradient:
            weight = self.weights[at] + (weight - self.weights[at]).detach()
        whole = weight * theta[:, None]
        whole = whole + (whole.round().clamp(-self.q_max, self.q_max) - whole).detach()
        steady = bias * theta
        return whole, steady + (steady.round().clamp(-self.q_max, self.q_max) - steady).detach(), theta

    def counts(self, inputs: Tensor) -> list[Tensor]:
        """Spike counts of every layer, the input first, by arithmetic on counts."""
        values = [inputs]
        for at, layer in enumerate(self.shape.layers):
            source = torch.cat([values[number] for number in layer.sources], dim=1)
            if self.training:
                self.power[at].mul_(0.98).add_(source.detach().square().mean(dim=0), alpha=0.02)
            values.append(self._fire(at, source))
        return values

    def drive(self, at: int, source: Tensor) -> Tensor:
        """Charge of each neuron, in thresholds."""
        weight, bias, theta = self.integers(at)
        return (source @ weight.T + bias * (self.window.total - 1)) / theta

    def fire(self, at: int, charge: Tensor) -> Tensor:
        """Whole number of spikes, with the gradient of a clipped line."""
        last = at == len(self.shape.layers) - 1
        low = -float(self.window.steps) if last else 0.0
        line = charge.clamp(low, float(self.window.steps))
        whole = line.detach().round() if last else line.detach().floor()
        return line + (whole - line).detach()

    def _fire(self, at: int, source: Tensor) -> Tensor:
        charge = self.drive(at, source)
        if self.training and self.noise:
            charge = charge + self.noise * self.window.steps * torch.randn_like(charge)
        return self.fire(at, charge)

    def read(self, counts: Tensor) -> Tensor:
        """Values from the counts of the output layer."""
        rate = counts @ self.members.T / self.window.steps
        return rate * self.gain * self.log_gain.exp() + self.offset

    def forward(self, inputs: Tensor) -> Tensor:
        """Values, [sample, value], from input counts within -steps..steps."""
        return self.read(self.counts(inputs)[-1])

    def exported(self) -> list[IntegerLayer]:
        """Return the integers of all layers."""
        found = []
        with torch.no_grad():
            for at in range(len(self.weights)):
                weight, bias, theta = (part.detach().numpy() for part in self.integers(at))
                mask = self.masks[at].numpy() > 0
                whole = np.where(mask, np.rint(weight), 0).astype(np.int64)
                found.append(IntegerLayer(whole, np.rint(bias).astype(np.int64), theta.astype(np.int64)))
        return found


def _parameter(values: NDArray[np.float64]) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values, dtype=torch.float32))
