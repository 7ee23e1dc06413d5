"""Makes the chip's network of quantised neurons: clocks for biases, counters for weighted outputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.network import Network
from chip.nir.declare import Declaration
from chip.nir.quantise import NEAR, Quantised
from chip.nir.units import Units

__all__ = ["assemble"]

Integers = NDArray[np.int64]
MAX_LABELS = 65_536


class _Columns:
    """Neurons and synapses that come to those of the graph."""

    def __init__(self, units: Units, done: Quantised, shifts: Integers) -> None:
        entries = done.weights.tocoo()
        there = entries.data != 0
        self.units = units
        self.theta, self.fall = list(done.theta), list(done.fall)
        self.shift, self.negative = list(shifts), [False] * units.count
        self.labels = [units.name_of(neuron) for neuron in range(units.count)]
        self.source = [entries.col[there].astype(np.int64)]
        self.target = [entries.row[there].astype(np.int64)]
        self.weight = [entries.data[there].astype(np.int64)]

    def add(self, theta: int, fall: int, negative: bool, label: str) -> int:
        self.theta.append(np.int64(theta))
        self.fall.append(np.int64(fall))
        self.shift.append(np.int64(0))
        self.negative.append(negative)
        self.labels.append(label)
        return len(self.theta) - 1

    def connect(self, sources: Integers, target: Integers, weight: Integers) -> None:
        self.source.append(sources + self.units.n_inputs)
        self.target.append(target)
        self.weight.append(weight)


def assemble(
    units: Units, done: Quantised, shifts: Integers, arch: ArchSpec
) -> tuple[Network, list[Declaration]]:
    """The network, and what its outputs needed besides the neurons of the graph.

    Raises:
        NetworkError: see ``Network``.
    """
    columns = _Columns(units, done, shifts)
    _clocks(columns, done.bias, arch.routing.fan_out_load.value)
    outputs, declared = _outputs(columns, units, arch)
    named = len(columns.labels) + units.n_inputs <= MAX_LABELS
    return Network(
        n_inputs=units.n_inputs,
        theta_p=np.array(columns.theta),
        theta_n=np.array(columns.theta),
        negative=np.array(columns.negative),
        w_fb=np.array(columns.fall),
        decay=np.array(columns.shift),
        source=np.concatenate(columns.source),
        target=np.concatenate(columns.target),
        weight=np.concatenate(columns.weight),
        outputs=np.array(outputs),
        labels=tuple(columns.labels) if named else (),
        input_labels=units.input_names if named else (),
    ), declared


def _clocks(columns: _Columns, bias: Integers, load: int) -> None:
    """A neuron with threshold 0 fires in every step; as many as a net may have synapses share one."""
    needing = np.flatnonzero(bias)
    for start in range(0, needing.size, load):
        group = needing[start : start + load]
        clock = columns.add(0, 0, False, f"clock {start // load}")
        columns.connect(np.full(group.size, clock), group, bias[group])


def _outputs(columns: _Columns, units: Units, arch: ArchSpec) -> tuple[list[int], list[Declaration]]:
    rows = [_row(units, at) for at in range(units.readout.shape[0])]
    plain = [row for row in rows if row[1].size == 1 and row[1][0] == 1]
    chosen = [int(row[0][0]) for row in plain]
    levels = {int(units.level[neuron]) for row in rows for neuron in row[0]}
    declared = []
    if len(levels) > 1:
        words = f"neurons of layers {min(levels)} to {max(levels)}; those of deeper ones come that much later"
        declared.append(Declaration("output", "delay", words, False))
    elif max(levels, default=0):
        words = f"spikes come later by {max(levels)}: a step for each layer behind the first"
        declared.append(Declaration("output", "delay", words, True))
    if len(plain) == len(rows) and len(set(chosen)) == len(chosen) and not units.output_bias.any():
        return chosen, declared
    counters = [_counter(columns, row, at, arch) for at, row in enumerate(rows)]
    exact = all(exact for _, _, exact in counters) and not units.output_bias.any()
    worth = sorted({f"{value:.4g}" for _, value, _ in counters})
    words = (
        f"weighted sums of spikes: a signed neuron counts each, its spike being worth {', '.join(worth[:4])}"
    )
    words += "; they come one step later"
    words += "; the bias is left out" if units.output_bias.any() else ""
    declared.append(Declaration("output", "readout", words, exact))
    return [neuron for neuron, _, _ in counters], declared


def _row(units: Units, at: int) -> tuple[Integers, NDArray[np.float64]]:
    part = slice(units.readout.indptr[at], units.readout.indptr[at + 1])
    return units.readout.indices[part].astype(np.int64), units.readout.data[part]


def _counter(
    columns: _Columns, row: tuple[Integers, NDArray[np.float64]], at: int, arch: ArchSpec
) -> tuple[int, float, bool]:
    """A neuron whose count of spikes follows a weighted sum; its number, what a spike is worth, whether exact."""
    source, real = row
    # One spike a step is enough if it is worth all that can come in a step.
    worth = float(max(real[real > 0].sum(), -real[real < 0].sum(), 0.0)) or 1.0
    most = min(arch.weight_max / np.abs(real).max(initial=1e-300), arch.threshold_max / worth, 2.0**20)
    whole = np.abs(real - np.round(real)).max(initial=0.0) <= NEAR and most >= 1
    scale = 1.0 if whole else most
    weight = np.round(real * scale).astype(np.int64)
    theta = max(1, round(worth * scale))
    neuron = columns.add(theta, theta, arch.neuron.negative_output.value, f"output[{at}]")
    there = weight != 0
    columns.connect(source[there], np.full(int(there.sum()), neuron), weight[there])
    exact = bool(whole and theta == 1)
    return neuron, theta / scale, exact
