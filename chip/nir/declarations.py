"""Declarations of what an import or export had to add, round or leave out, with the node concerned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.membrane_bounds import membrane_bounds
from chip.network import Network
from chip.nir.declaration import Declaration
from chip.nir.discretise import DiscreteNeurons, Reset
from chip.nir.imported import Translation
from chip.nir.mapping.quantise import NEAR, Quantised

__all__ = ["Declaration", "declarations_of", "saturation"]


def declarations_of(translation: Translation, dt_s: float) -> Iterator[Declaration]:
    """Declare the differences that quantising the neurons made, node by node."""
    neurons, folded, quantised = translation.neurons, translation.folded, translation.quantised
    timed = bool((neurons.beta < 1).any() or (neurons.alpha > 0).any())
    words = f"a step is {dt_s:g} s, which NIR leaves open" if timed else "no node has a time constant"
    yield Declaration("graph", "time", words, not timed)
    for at, name in enumerate(neurons.names):
        part = slice(neurons.starts[at], neurons.starts[at + 1])
        yield Declaration(name, "sign", "neurons send +1 only; the negative output is off", True)
        yield from _reset(neurons, quantised, translation.reset, name, part)
        if translation.plan.taps:
            yield from _response(neurons, quantised, name, part)
        else:
            yield from _leak(neurons, folded, quantised.shifts, name, part)
        yield from _rounding(folded, quantised, name, part, late=not translation.plan.relayed)


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
    if reset != "zero":
        late = ", divided by what is kept in a step, because the tool subtracts a step late"
        words = f"a spike takes threshold - v_reset away{late * (reset == 'snntorch')} (w_fb = {falls})"
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


def _response(
    neurons: DiscreteNeurons, quantised: Quantised, name: str, part: slice
) -> Iterator[Declaration]:
    if (neurons.alpha[part] > 0).any() or (neurons.beta[part] < 1).any():
        leaks = "a leak and " if quantised.shifts[part].any() else ""
        words = f"membranes keep {_span(neurons.beta[part])} a step"
        if (neurons.alpha[part] > 0).any():
            words += f", synaptic currents {_span(neurons.alpha[part])}"
        words += f": matched by {leaks}synapses from delayed copies of the sources"
        yield Declaration(name, "leak", words, False)


def _rounding(
    folded: DiscreteNeurons, quantised: Quantised, name: str, part: slice, *, late: bool
) -> Iterator[Declaration]:
    lost = int(quantised.lost[part].sum())
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
        late = late and bool((_first_layer(folded, part)).any())
        begin = "from the second step on" if late else "from the first step on"
        words = f"a neuron that fires in every step gives {biases} to each, {begin}"
        yield Declaration(name, "bias", words, not late)


def _first_layer(neurons: DiscreteNeurons, part: slice) -> NDArray[np.bool_]:
    """Return which neurons of a node have a constant input and no layer before them."""
    first: NDArray[np.bool_] = (neurons.layer[part] == 0) & (neurons.bias[part] != 0)
    return first


def _span(values: NDArray[Any]) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
