"""Assembly of the chip network from quantised neurons: clocks for biases, counters for weighted outputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.network import Network
from chip.nir.declarations import Declaration
from chip.nir.discretise import DiscreteNeurons
from chip.nir.quantise import NEAR, Quantised

__all__ = ["assemble"]

Integers = NDArray[np.int64]
MAX_LABELS = 65_536


class _Columns:
    """Neurons and synapses of the network in progress."""

    def __init__(self, neurons: DiscreteNeurons, quantised: Quantised, shifts: Integers) -> None:
        entries = quantised.weights.tocoo()
        nonzero = entries.data != 0
        self.neurons = neurons
        self.theta, self.feedback = list(quantised.theta), list(quantised.feedback)
        self.shift, self.negative = list(shifts), [False] * neurons.count
        self.labels = [neurons.name_of(neuron) for neuron in range(neurons.count)]
        self.source = [entries.col[nonzero].astype(np.int64)]
        self.target = [entries.row[nonzero].astype(np.int64)]
        self.weight = [entries.data[nonzero].astype(np.int64)]

    def add(self, theta: int, feedback: int, negative: bool, label: str) -> int:
        self.theta.append(np.int64(theta))
        self.feedback.append(np.int64(feedback))
        self.shift.append(np.int64(0))
        self.negative.append(negative)
        self.labels.append(label)
        return len(self.theta) - 1

    def connect(self, sources: Integers, target: Integers, weight: Integers) -> None:
        self.source.append(sources + self.neurons.n_inputs)
        self.target.append(target)
        self.weight.append(weight)


def assemble(
    neurons: DiscreteNeurons, quantised: Quantised, shifts: Integers, arch: ArchSpec
) -> tuple[Network, list[Declaration]]:
    """Build the network, with the neurons that its outputs and biases need in addition.

    Raises:
        NetworkError: see ``Network``.
    """
    columns = _Columns(neurons, quantised, shifts)
    _clocks(columns, quantised.bias, arch.routing.fan_out_load.value)
    outputs, declared = _outputs(columns, neurons, arch)
    named = len(columns.labels) + neurons.n_inputs <= MAX_LABELS
    return Network(
        n_inputs=neurons.n_inputs,
        theta_p=np.array(columns.theta),
        theta_n=np.array(columns.theta),
        negative=np.array(columns.negative),
        w_fb=np.array(columns.feedback),
        decay=np.array(columns.shift),
        source=np.concatenate(columns.source),
        target=np.concatenate(columns.target),
        weight=np.concatenate(columns.weight),
        outputs=np.array(outputs),
        labels=tuple(columns.labels) if named else (),
        input_labels=neurons.input_names if named else (),
    ), declared


def _clocks(columns: _Columns, bias: Integers, load: int) -> None:
    """Add clock neurons, whose threshold of 0 lets them fire in every step; each serves as many biases as a net may."""
    biased = np.flatnonzero(bias)
    for start in range(0, biased.size, load):
        group = biased[start : start + load]
        clock = columns.add(0, 0, False, f"clock {start // load}")
        columns.connect(np.full(group.size, clock), group, bias[group])


def _outputs(
    columns: _Columns, neurons: DiscreteNeurons, arch: ArchSpec
) -> tuple[list[int], list[Declaration]]:
    rows = [_row(neurons, at) for at in range(neurons.readout.shape[0])]
    plain = [row for row in rows if row[1].size == 1 and row[1][0] == 1]
    chosen = [int(row[0][0]) for row in plain]
    levels = {int(neurons.layer[neuron]) for row in rows for neuron in row[0]}
    declared = []
    if len(levels) > 1:
        words = f"neurons of layers {min(levels)} to {max(levels)}; those of deeper ones come that much later"
        declared.append(Declaration("output", "delay", words, False))
    elif max(levels, default=0):
        words = f"spikes come later by {max(levels)}: a step for each layer behind the first"
        declared.append(Declaration("output", "delay", words, True))
    if len(plain) == len(rows) and len(set(chosen)) == len(chosen) and not neurons.output_bias.any():
        return chosen, declared
    counters = [_counter(columns, row, at, arch) for at, row in enumerate(rows)]
    exact = all(exact for _, _, exact in counters) and not neurons.output_bias.any()
    worth = sorted({f"{value:.4g}" for _, value, _ in counters})
    words = (
        f"weighted sums of spikes: a signed neuron counts each, its spike being worth {', '.join(worth[:4])}"
    )
    words += "; they come one step later"
    words += "; the bias is left out" if neurons.output_bias.any() else ""
    declared.append(Declaration("output", "readout", words, exact))
    return [neuron for neuron, _, _ in counters], declared


def _row(neurons: DiscreteNeurons, at: int) -> tuple[Integers, NDArray[np.float64]]:
    part = slice(neurons.readout.indptr[at], neurons.readout.indptr[at + 1])
    return neurons.readout.indices[part].astype(np.int64), neurons.readout.data[part]


def _counter(
    columns: _Columns, row: tuple[Integers, NDArray[np.float64]], at: int, arch: ArchSpec
) -> tuple[int, float, bool]:
    """Add a neuron that counts a weighted sum of spikes; return its number, the value of its spike, and exactness."""
    source, real = row
    # One spike a step is enough if it is worth all that can come in a step.
    worth = float(max(real[real > 0].sum(), -real[real < 0].sum(), 0.0)) or 1.0
    most = min(arch.weight_max / np.abs(real).max(initial=1e-300), arch.threshold_max / worth, 2.0**20)
    whole = np.abs(real - np.round(real)).max(initial=0.0) <= NEAR and most >= 1
    scale = 1.0 if whole else most
    weight = np.round(real * scale).astype(np.int64)
    theta = max(1, round(worth * scale))
    neuron = columns.add(theta, theta, arch.neuron.negative_output.value, f"output[{at}]")
    nonzero = weight != 0
    columns.connect(source[nonzero], np.full(int(nonzero.sum()), neuron), weight[nonzero])
    exact = bool(whole and theta == 1)
    return neuron, theta / scale, exact
