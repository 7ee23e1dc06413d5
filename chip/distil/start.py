"""Start of a student: the network's own weights, normalised, reduced to the size of the chip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.distil.grouping import InputMap
from chip.distil.reduction import reduce_units, shares
from chip.dnn.expression import INPUT
from chip.dnn.layers import Dnn

__all__ = ["Layer", "StudentShape", "doubled", "network_start", "randomised"]

_QUANTILE = 0.999
# Scale of a quiet unit, at least this share of its layer's.
_LEAST_SCALE = 0.25
# Read-out threshold as a share of the largest output: below it, outputs saturate.
_READOUT = 0.75
# Values of units that are held at once: 256 MiB.
_MOST_VALUES = 1 << 25


@dataclass(frozen=True, eq=False)
class Layer:
    """Neurons between the same sources, in units of their threshold.

    Args:
        name: of the layer.
        sources: layers it listens to, by number; 0 is the input.
        weight: float64[neuron, source value], all sources side by side.
        bias: float64[neuron], a step.
    """

    name: str
    sources: tuple[int, ...]
    weight: NDArray[np.float64]
    bias: NDArray[np.float64]

    @property
    def size(self) -> int:
        """Number of neurons."""
        return len(self.weight)


@dataclass(frozen=True, eq=False)
class StudentShape:
    """Layers of a student and its read-out.

    Args:
        inputs: how samples become rates.
        layers: hidden layers in order, the output layer last.
        members: output neurons of each value.
        gain: of the mean rate of its members, for each value.
        offset: of each value.
    """

    inputs: InputMap
    layers: tuple[Layer, ...]
    members: tuple[tuple[int, ...], ...]
    gain: NDArray[np.float64]
    offset: NDArray[np.float64]

    @property
    def n_neurons(self) -> int:
        """Neurons of all layers."""
        return sum(layer.size for layer in self.layers)

    @property
    def depth(self) -> int:
        """Most synapses between an input and an output."""
        depths = [0]
        for layer in self.layers:
            depths.append(1 + max((depths[source] for source in layer.sources), default=0))
        return max(depths)


def network_start(
    dnn: Dnn, inputs: InputMap, samples: NDArray[Any], neurons: int, copies: int, *, centre: bool
) -> StudentShape:
    """Build the start from a network.

    Args:
        dnn: the network.
        inputs: inputs of the chip.
        samples: samples to normalise by, flat.
        neurons: that the student may have in all.
        copies: output neurons for each value.
        centre: subtract the mean over the outputs, which a softmax does not see.
    """
    # A part of the samples where all values of all units would not fit into memory.
    most = max(256, _MOST_VALUES // max(1, dnn.n_units))
    values = dict(dnn.run(samples[:: -(-len(samples) // most)]))
    drives = _drives(dnn, inputs)
    sizes = [population.drive.size for population in dnn.populations]
    _reduce(drives, values, shares(sizes, max(neurons - copies * dnn.n_outputs, 0)))
    scales: dict[int, NDArray[np.float64]] = {INPUT: np.ones(len(inputs.groups))}
    layers = []
    for number, population in enumerate(dnn.populations, 1):
        slope, shift = _fitted(population.kind, values[number])
        relu = population.kind == "relu"
        scales[number] = _scales(values[number]) if relu else np.ones(values[number].shape[1])
        drive = drives[number]
        own = {s: slope * m * scales[s] / scales[number][:, None] for s, m in drive.terms.items()}
        layers.append(_layer(population.name, own, (drive.constant * slope + shift) / scales[number]))
    output = drives[-1]
    own = {source: matrix * scales[source] for source, matrix in output.terms.items()}
    return _with_outputs(inputs, layers, own, output.constant, values[-1], copies, centre)


@dataclass(eq=False)
class _Drive:
    """Dense matrices by source, and constants, of one layer."""

    terms: dict[int, NDArray[np.float64]]
    constant: NDArray[np.float64]


def _drives(dnn: Dnn, inputs: InputMap) -> dict[int, Any]:
    """Matrices of every layer and, under -1, the outputs; source 0 is the rates of the inputs."""
    expansion, constant = inputs.expansion(dnn.n_inputs)
    drives = {}
    numbered = {number: population.drive for number, population in enumerate(dnn.populations, 1)}
    for number, drive in {**numbered, -1: dnn.output}.items():
        terms: dict[int, Any] = dict(drive.terms)
        offset = drive.offset.copy()
        if INPUT in terms:
            offset += terms[INPUT] @ constant
            terms[INPUT] = terms[INPUT] @ expansion
        drives[number] = _Drive(terms, offset)
    return drives


def _reduce(drives: dict[int, Any], values: dict[int, NDArray[np.float64]], sizes: list[int]) -> None:
    """Reduce each layer to its size, and make all matrices dense; changes its arguments."""
    for number, size in enumerate(sizes, 1):
        users = [drive for drive in drives.values() if number in drive.terms]
        importance = np.zeros(values[number].shape[1])
        for drive in users:
            importance += np.asarray((drive.terms[number] * drive.terms[number]).sum(axis=0)).ravel()
        kept, fold = reduce_units(values[number], np.sqrt(importance), size)
        values[number], own = values[number][:, kept], drives[number]
        own.terms = {source: _as_dense(matrix[kept]) for source, matrix in own.terms.items()}
        own.constant = own.constant[kept]
        for drive in users:
            drive.terms[number] = drive.terms[number] @ fold
    drives[-1].terms = {source: _as_dense(matrix) for source, matrix in drives[-1].terms.items()}


def _as_dense(matrix: Any) -> NDArray[np.float64]:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, np.float64)


def _fitted(kind: str, values: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and offset of the clipped line that follows the activation best on the data."""
    if kind != "sigmoid":
        return 1.0, 0.0
    inside = np.clip(values.ravel()[:20_000], 1e-9, 1 - 1e-9)
    drive = np.log(inside / (1 - inside))
    slopes = np.linspace(0.1, 0.3, 21)
    errors = [np.square(np.clip(0.5 + slope * drive, 0, 1) - inside).sum() for slope in slopes]
    return float(slopes[int(np.argmin(errors))]), 0.5


def _scales(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Value of each unit that is one spike a step."""
    own = np.quantile(values, _QUANTILE, axis=0)
    least = max(float(np.quantile(values, _QUANTILE)) * _LEAST_SCALE, 1e-6)
    return np.maximum(own, least)


def _layer(name: str, terms: Mapping[int, NDArray[np.float64]], bias: NDArray[np.float64]) -> Layer:
    sources = tuple(sorted(terms))
    weight = np.concatenate([terms[source] for source in sources], axis=1)
    return Layer(name, sources, weight, bias)


def _with_outputs(
    inputs: InputMap,
    layers: list[Layer],
    terms: Mapping[int, NDArray[np.float64]],
    constant: NDArray[np.float64],
    values: NDArray[np.float64],
    copies: int,
    centre: bool,
) -> StudentShape:
    """Add the output layer: signed neurons that code the deviation of each value from its mean."""
    classes = values.shape[1]
    if centre and classes > 1:
        terms = {source: matrix - matrix.mean(axis=0) for source, matrix in terms.items()}
        constant = constant - constant.mean()
        values = values - values.mean(axis=1, keepdims=True)
    middle = values.mean(axis=0)
    reach = np.quantile(np.abs(values - middle), _QUANTILE, axis=0)
    reach = np.maximum(np.full(classes, reach.max()) if centre else reach, 1e-6)
    gain = _READOUT * reach
    own = {source: matrix / gain[:, None] for source, matrix in terms.items()}
    layer = _layer("output", own, (constant - middle) / gain)
    layer = _copied(layer, copies)
    members = tuple(tuple(value + classes * copy for copy in range(copies)) for value in range(classes))
    return StudentShape(inputs, (*layers, layer), members, gain, middle)


def _copied(layer: Layer, copies: int) -> Layer:
    """Repeat all neurons; each copy prefers other sources, and their mean is the original."""
    if copies == 1:
        return layer
    rank = np.argsort(np.argsort(-np.abs(layer.weight), axis=1), axis=1)
    parts = []
    for copy in range(copies):
        own = rank % copies == copy
        parts.append(layer.weight * np.where(own, 1.5, (copies - 1.5) / (copies - 1)))
    return replace(layer, weight=np.concatenate(parts), bias=np.tile(layer.bias, copies))


def doubled(shape: StudentShape) -> StudentShape:
    """Repeat every hidden neuron: twice the fan-in for what it computes."""
    layers = []
    for layer in shape.layers[:-1]:
        layers.append(_copied(_halved(layer, shape), 2))
    return replace(shape, layers=(*layers, _halved(shape.layers[-1], shape)))


def _halved(layer: Layer, shape: StudentShape) -> Layer:
    """Share the weights of each hidden source between its two copies."""
    sizes = {INPUT: len(shape.inputs.groups)} | {n: own.size for n, own in enumerate(shape.layers, 1)}
    parts, at = [], 0
    for source in layer.sources:
        own = layer.weight[:, at : at + sizes[source]]
        at += sizes[source]
        parts.append(own if source == INPUT else np.concatenate([own / 2, own / 2], axis=1))
    return replace(layer, weight=np.concatenate(parts, axis=1))


def randomised(shape: StudentShape, seed: int) -> StudentShape:
    """Replace all weights by random ones of the same shape, for a training without a teacher's start."""
    random = np.random.default_rng(seed)
    layers = [
        replace(
            layer,
            weight=random.normal(0, (2 / layer.weight.shape[1]) ** 0.5, layer.weight.shape),
            bias=np.zeros(layer.size),
        )
        for layer in shape.layers
    ]
    return replace(shape, layers=tuple(layers))
