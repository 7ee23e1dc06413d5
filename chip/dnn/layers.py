"""Layers of an imported network: populations of non-linear units, and the read-out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chip.dnn.expression import INPUT, Expression

__all__ = ["ACTIVATIONS", "Dnn", "Kind", "Readout", "UnitLayer", "apply_readout"]

Kind = Literal["relu", "unit", "sigmoid"]
Readout = Literal["none", "softmax", "log_softmax", "argmax", "sigmoid", "tanh"]
# Samples evaluated at once.
_CHUNK = 512


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -60.0, 60.0))))


ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0.0),
    "unit": lambda x: np.clip(x, 0.0, 1.0),
    "sigmoid": _sigmoid,
}


@dataclass(frozen=True, eq=False)
class UnitLayer:
    """Units with the same activation; each becomes one spiking neuron or several.

    Args:
        name: of the ONNX node.
        kind: ``relu``, ``unit`` (clipped to 0..1) or ``sigmoid``; other activations are sums of these.
        drive: what the activation acts on.
    """

    name: str
    kind: Kind
    drive: Expression


@dataclass(frozen=True, eq=False)
class Dnn:
    """Network as populations and the affine functions between them.

    Args:
        input_name: name of the input tensor.
        input_shape: shape of one sample.
        populations: in an order in which each depends on earlier ones only; numbers count from 1.
        output: values before the read-out.
        readout: what follows them, to be computed by the host.
    """

    input_name: str
    input_shape: tuple[int, ...]
    populations: tuple[UnitLayer, ...]
    output: Expression
    readout: Readout

    @property
    def n_inputs(self) -> int:
        """Values of one sample."""
        return math.prod(self.input_shape)

    @property
    def n_outputs(self) -> int:
        """Values before the read-out."""
        return self.output.size

    @property
    def n_units(self) -> int:
        """Non-linear units of all populations."""
        return sum(population.drive.size for population in self.populations)

    def run(self, samples: NDArray[Any]) -> Mapping[int, NDArray[np.float64]]:
        """Compute the values of every population and, under -1, the output, [sample, value]."""
        parts = [self._run(samples[at : at + _CHUNK]) for at in range(0, max(len(samples), 1), _CHUNK)]
        return {number: np.concatenate([part[number] for part in parts]) for number in parts[0]}

    def output_of(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        """Compute the values before the read-out, float64[sample, output]."""
        parts = [self._run(samples[at : at + _CHUNK])[-1] for at in range(0, max(len(samples), 1), _CHUNK)]
        return np.concatenate(parts)

    def _run(self, samples: NDArray[Any]) -> dict[int, NDArray[np.float64]]:
        values = {INPUT: np.asarray(samples, np.float64).reshape(len(samples), self.n_inputs)}
        for number, population in enumerate(self.populations, 1):
            values[number] = ACTIVATIONS[population.kind](population.drive.evaluate(values))
        values[-1] = self.output.evaluate(values)
        return values


def apply_readout(readout: Readout, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Apply a read-out, [sample, output]; ``argmax`` gives one column."""
    if readout == "argmax":
        return np.asarray(values.argmax(axis=1).astype(np.float64)[:, None])
    if readout in ("softmax", "log_softmax"):
        shifted = values - values.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return np.asarray(np.exp(logs) if readout == "softmax" else logs)
    if readout == "sigmoid":
        return np.asarray(_sigmoid(values))
    return np.asarray(np.tanh(values)) if readout == "tanh" else values
