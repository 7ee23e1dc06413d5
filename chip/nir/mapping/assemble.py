"""Assembly of the chip network from quantised neurons, with counters for weighted outputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.network import Network
from chip.nir.declaration import Declaration
from chip.nir.discretise import DiscreteNeurons
from chip.nir.mapping.plan import Plan
from chip.nir.mapping.quantise import NEAR, Quantised
from chip.nir.mapping.wiring import Wiring

__all__ = ["assemble"]

Integers = NDArray[np.int64]
MAX_LABELS = 65_536


def assemble(
    neurons: DiscreteNeurons, quantised: Quantised, plan: Plan, arch: ArchSpec
) -> tuple[Network, list[Declaration]]:
    """Build the network, with the relays, copies, clocks and counters that it needs beside the neurons.

    Raises:
        NetworkError: see ``Network``.
    """
    wiring = Wiring(neurons, quantised, arch, relayed=plan.relayed)
    outputs, declared = _outputs(wiring, neurons, plan, arch)
    if (
        more := len(wiring.labels)
        - neurons.count
        - sum(label.startswith("output[") for label in wiring.labels)
    ):
        words = f"{more} neurons beside those of the graph: clocks, relays that delay, copies that add up"
        declared.append(Declaration("graph", "relays", words, True))
    named = len(wiring.labels) + neurons.n_inputs <= MAX_LABELS
    source, target, weight = wiring.synapses()
    return Network(
        n_inputs=neurons.n_inputs,
        theta_p=np.array(wiring.theta),
        theta_n=np.array(wiring.theta),
        negative=np.array(wiring.negative),
        w_fb=np.array(wiring.feedback),
        decay=np.array(wiring.shift),
        source=source,
        target=target,
        weight=weight,
        outputs=np.array(outputs),
        labels=tuple(wiring.labels) if named else (),
        input_labels=neurons.input_names if named else (),
    ), declared


def _outputs(
    columns: Wiring, neurons: DiscreteNeurons, plan: Plan, arch: ArchSpec
) -> tuple[list[int], list[Declaration]]:
    rows = [_row(neurons, at) for at in range(neurons.readout.shape[0])]
    plain = [row for row in rows if row[1].size == 1 and row[1][0] == 1]
    chosen = [int(row[0][0]) for row in plain]
    levels = {int(neurons.layer[neuron]) for row in rows for neuron in row[0]}
    declared = []
    if len(levels) > 1:
        words = f"neurons of layers {min(levels)} to {max(levels)}; those of deeper ones come that much later"
        declared.append(Declaration("output", "delay", words, False))
    elif late := max(levels, default=0) + plan.relayed:
        relay = " and for the relays of the inputs" if plan.relayed else ""
        words = f"spikes come later by {late}: a step for each layer behind the first{relay}"
        declared.append(Declaration("output", "delay", words, True))
    if len(plain) == len(rows) and len(set(chosen)) == len(chosen) and not neurons.output_bias.any():
        return chosen, declared
    counters = [_counter(columns, neurons, row, at, arch) for at, row in enumerate(rows)]
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
    columns: Wiring,
    neurons: DiscreteNeurons,
    row: tuple[Integers, NDArray[np.float64]],
    at: int,
    arch: ArchSpec,
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
    columns.connect(source[nonzero] + neurons.n_inputs, np.full(int(nonzero.sum()), neuron), weight[nonzero])
    exact = bool(whole and theta == 1)
    return neuron, theta / scale, exact
