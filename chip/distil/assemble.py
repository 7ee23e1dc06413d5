"""Trained student as a network of the chip, with the description of its input and output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.distil.rate_model import IntegerLayer, RateStudent
from chip.dnn.codes import Encoder
from chip.network import Network

__all__ = ["Assembled", "assemble"]

# Synapses of one bias neuron, below the load that a net can drive.
_BIAS_LOAD_SHARE = 0.9


@dataclass(frozen=True, eq=False)
class Assembled:
    """Network and where its layers are.

    Args:
        network: the neurons.
        layers: neurons of each layer of the student, by number in the network; those that were dropped are -1.
    """

    network: Network
    layers: tuple[NDArray[np.int64], ...]


@dataclass(eq=False)
class _Columns:
    """Neurons and synapses collected so far; sources are (layer, number) until all neurons are counted."""

    theta: list[NDArray[np.int64]]
    source: list[NDArray[np.int64]]
    target: list[NDArray[np.int64]]
    weight: list[NDArray[np.int64]]


def assemble(student: RateStudent, arch: ArchSpec, encoder: Encoder) -> Assembled:
    """Build the network; hidden neurons whose spikes nobody uses are dropped.

    A bias is a synapse from a neuron with threshold 0, which fires in every step. For ``ttfs`` each input has a
    latch: a signed neuron without feedback, which fires from the spike of its input to the one that cancels it.
    """
    layers = student.exported()
    n_inputs, latches = len(student.shape.inputs.groups), encoder == "ttfs"
    used = _used(student, layers)
    first = n_inputs if latches else 0
    numbers: list[NDArray[np.int64]] = []
    for keep in used:
        own = np.full(len(keep), -1)
        own[keep] = first + np.arange(keep.sum())
        first += int(keep.sum())
        numbers.append(own)
    none = [np.zeros(0, np.int64)]
    hidden = np.concatenate([own[own >= 0] for own in numbers[:-1]] or none)
    bias = np.concatenate([own.bias[keep] for own, keep in zip(layers[:-1], used[:-1], strict=True)] or none)
    biased = hidden[bias != 0]
    per_neuron = max(1, int(arch.routing.fan_out_load.value * _BIAS_LOAD_SHARE))
    n_bias = -(-len(biased) // per_neuron)
    columns = _synapses(student, layers, numbers, n_inputs, latches)
    columns.source.append(n_inputs + first + np.arange(len(biased)) // per_neuron)
    columns.target.append(biased)
    columns.weight.append(bias[bias != 0].astype(np.int64))
    theta = np.concatenate([layer.theta[keep] for layer, keep in zip(layers, used, strict=True)])
    return Assembled(_network(student, columns, theta, n_inputs, latches, n_bias, numbers), tuple(numbers))


def _used(student: RateStudent, layers: list[IntegerLayer]) -> list[NDArray[np.bool_]]:
    """Neurons that lead to an output."""
    sizes = [len(student.shape.inputs.groups), *(len(layer.theta) for layer in layers)]
    used = [np.zeros(size, bool) for size in sizes]
    used[-1][:] = True
    for at in reversed(range(len(layers))):
        begin = 0
        for source in student.shape.layers[at].sources:
            own = layers[at].weight[used[at + 1], begin : begin + sizes[source]]
            used[source] |= (own != 0).any(axis=0)
            begin += sizes[source]
    return used[1:]


def _synapses(
    student: RateStudent,
    layers: list[IntegerLayer],
    numbers: list[NDArray[np.int64]],
    n_inputs: int,
    latches: bool,
) -> _Columns:
    inputs = np.arange(n_inputs) + (n_inputs if latches else 0)
    sources = [inputs, *(np.where(own < 0, -1, own + n_inputs) for own in numbers)]
    columns = _Columns([], [], [], [])
    for at, layer in enumerate(layers):
        source = np.concatenate([sources[number] for number in student.shape.layers[at].sources])
        row, column = np.nonzero(layer.weight * (numbers[at] >= 0)[:, None] * (source >= 0))
        columns.source.append(source[column])
        columns.target.append(numbers[at][row])
        columns.weight.append(layer.weight[row, column])
    if latches:
        columns.source.append(np.arange(n_inputs))
        columns.target.append(np.arange(n_inputs))
        columns.weight.append(np.ones(n_inputs, np.int64))
    return columns


def _network(
    student: RateStudent,
    columns: _Columns,
    theta: NDArray[np.int64],
    n_inputs: int,
    latches: bool,
    n_bias: int,
    numbers: list[NDArray[np.int64]],
) -> Network:
    n_latches = n_inputs if latches else 0
    every = np.concatenate([np.ones(n_latches, np.int64), theta, np.zeros(n_bias, np.int64)])
    feedback = np.concatenate([np.zeros(n_latches, np.int64), theta, np.zeros(n_bias, np.int64)])
    negative = np.zeros(len(every), bool)
    negative[:n_latches] = True
    negative[numbers[-1]] = True
    names = [layer.name or f"layer {at}" for at, layer in enumerate(student.shape.layers, 1)]
    labels = [f"latch {at}" for at in range(n_latches)]
    for name, own in zip(names, numbers, strict=True):
        labels += [f"{name} {at}" for at in np.flatnonzero(own >= 0)]
    labels += [f"bias {at}" for at in range(n_bias)]
    return Network(
        n_inputs=n_inputs,
        theta_p=every,
        theta_n=every,
        negative=negative,
        w_fb=feedback,
        decay=np.zeros(len(every), np.int64),
        source=np.concatenate(columns.source),
        target=np.concatenate(columns.target),
        weight=np.concatenate(columns.weight),
        outputs=numbers[-1],
        labels=tuple(labels),
    )
