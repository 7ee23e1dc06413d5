"""Declarations of what an import or export had to add, round or leave out, with the node concerned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.membrane_bounds import membrane_bounds
from chip.network import Network
from chip.nir.discretise import DiscreteNeurons, Reset
from chip.nir.quantise import NEAR, Quantised

__all__ = ["Declaration", "declarations_of", "saturation"]


@dataclass(frozen=True)
class Declaration:
    """One difference between NIR and the chip.

    Args:
        node: its name in the NIR graph; "graph" for all of it.
        about: reset, leak, filter, weights, threshold, sign, saturation, bias, readout, delay or time.
        words: what was quantised.
        exact: whether the spikes stay the same.
    """

    node: str
    about: str
    words: str
    exact: bool

    def __str__(self) -> str:
        return f"{self.node}: {self.about}: {self.words}"

    def to_dict(self) -> dict[str, Any]:
        """Return the declaration as plain values."""
        return asdict(self)


def declarations_of(
    neurons: DiscreteNeurons,
    folded: DiscreteNeurons,
    quantised: Quantised,
    shifts: NDArray[np.int64],
    dt_s: float,
    reset: Reset,
) -> Iterator[Declaration]:
    """Declare the differences that quantising these neurons made, node by node."""
    timed = bool((neurons.beta < 1).any() or (neurons.alpha > 0).any())
    words = f"a step is {dt_s:g} s, which NIR leaves open" if timed else "no node has a time constant"
    yield Declaration("graph", "time", words, not timed)
    for at, name in enumerate(neurons.names):
        part = slice(neurons.starts[at], neurons.starts[at + 1])
        yield Declaration(name, "sign", "neurons send +1 only; the negative output is off", True)
        yield from _reset(neurons, quantised, reset, name, part)
        yield from _leak(neurons, folded, shifts, name, part)
        yield from _rounding(folded, quantised, name, part)
        yield from _delay(neurons, name, part)


def saturation(network: Network, v_sat: int) -> Declaration:
    """Declare whether any input of unsigned spikes can drive a membrane to the limit of the chip."""
    lower, upper = membrane_bounds(_with_inputs_as_neurons(network))
    reached = int(((upper > v_sat) | (-lower > v_sat))[network.n_inputs :].sum())
    words = f"membranes are held within ±{v_sat}, which some input may reach in {reached} neurons"
    return Declaration("graph", "saturation", words, reached == 0)


def _with_inputs_as_neurons(network: Network) -> Network:
    """Replace inputs, which can send -1, by neurons, which need not; the numbers of sources stay."""
    ones = np.ones(network.n_inputs, np.int64)
    return Network(
        n_inputs=0,
        theta_p=np.concatenate([ones, network.theta_p]),
        theta_n=np.concatenate([ones, network.theta_n]),
        negative=np.concatenate([ones * 0, network.negative]),
        w_fb=np.concatenate([ones, network.w_fb]),
        decay=np.concatenate([ones * 0, network.decay]),
        source=network.source,
        target=network.target + network.n_inputs,
        weight=network.weight,
        outputs=network.outputs + network.n_inputs,
    )


def _reset(
    neurons: DiscreteNeurons, quantised: Quantised, reset: Reset, name: str, part: slice
) -> Iterator[Declaration]:
    if np.isnan(neurons.v_reset[part]).all():
        yield Declaration(name, "reset", "none: a spike takes nothing away (w_fb = 0)", True)
        return
    falls = _span(quantised.feedback[part])
    if reset == "subtract":
        words = f"a spike takes threshold - v_reset away (w_fb = {falls})"
        yield Declaration(name, "reset", words, True)
        return
    least = np.allclose(neurons.feedback[part], neurons.theta[part] - neurons.v_reset[part], equal_nan=True)
    taken = "threshold - v_reset" if least else "what that takes on average on the given input"
    words = f"NIR resets to v_reset; the chip takes {taken} away and keeps the rest (w_fb = {falls})"
    yield Declaration(name, "reset", words, False)


def _leak(
    neurons: DiscreteNeurons, folded: DiscreteNeurons, shifts: NDArray[np.int64], name: str, part: slice
) -> Iterator[Declaration]:
    if (neurons.alpha[part] > 0).any():
        kept = _span(neurons.alpha[part])
        words = f"the synaptic current, which keeps {kept} a step, is left out; its charge arrives at once"
        yield Declaration(name, "filter", words, False)
    exact_beta, n = folded.beta[part], shifts[part]
    if (exact_beta == 1).all():
        return
    beta = np.where(n > 0, 1 - 0.5**n, 1.0)
    zone = f"; none while |v| < {2 ** int(n.max())}" if n.any() else ""
    words = f"membranes keep {_span(beta)} a step for {_span(exact_beta)}, in whole numbers{zone}"
    yield Declaration(name, "leak", words, False)


def _rounding(folded: DiscreteNeurons, quantised: Quantised, name: str, part: slice) -> Iterator[Declaration]:
    rows = slice(quantised.weights.indptr[part.start], quantised.weights.indptr[part.stop])
    scale = np.repeat(quantised.scale[part], np.diff(quantised.weights.indptr)[part])
    real = np.abs(folded.weights.data[rows]) * scale
    lost = int(((quantised.weights.data[rows] == 0) & (real > NEAR)).sum())
    off, scales = float(quantised.error[part].max()), _span(quantised.scale[part])
    words = f"scaled by {scales} and rounded by {off:.2g} of the threshold at most"
    words += f"; {lost} weights became 0" if lost else ""
    yield Declaration(name, "weights", words, off < NEAR and not lost)
    if (off := float(quantised.theta_error[part].max())) > NEAR:
        words = f"threshold and feedback are rounded by {off:.2g} of the threshold at most"
        yield Declaration(name, "threshold", words, False)
    if quantised.clipped[part].any():
        words = f"{int(quantised.clipped[part].sum())} neurons have a weight, threshold or feedback beyond the range"
        yield Declaration(name, "range", f"{words}; it was cut", False)
    if quantised.bias[part].any():
        biases = _span(quantised.bias[part])
        words = f"a neuron that fires in every step gives {biases} to each, from the second step on"
        yield Declaration(name, "bias", words, False)


def _delay(neurons: DiscreteNeurons, name: str, part: slice) -> Iterator[Declaration]:
    """Declare synapses whose delay on the chip differs from the distance of their layers in the graph."""
    rows = neurons.weights[part].tocoo()
    level = neurons.layer[part.start]
    source = np.where(
        rows.col < neurons.n_inputs, -1, neurons.layer[np.maximum(rows.col - neurons.n_inputs, 0)]
    )
    early = (source != level) & (source != level - 1)
    if early.any():
        words = (
            f"{int(early.sum())} synapses skip layers, and on the chip arrive before what goes through them"
        )
        yield Declaration(name, "delay", words, False)


def _span(values: NDArray[Any]) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
