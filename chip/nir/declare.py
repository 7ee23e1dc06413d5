"""What an import or export had to add, round or leave out, in words and with the node it concerns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.membrane_bounds import membrane_bounds
from chip.network import Network
from chip.nir.quantise import NEAR, Quantised
from chip.nir.units import Reset, Units

__all__ = ["Declaration", "declarations_of", "saturation"]


@dataclass(frozen=True)
class Declaration:
    """One thing that NIR and the chip do not say in the same way.

    Args:
        node: its name in the NIR graph; "graph" for all of it.
        about: reset, leak, filter, weights, threshold, sign, saturation, bias, readout, delay or time.
        words: what was done.
        exact: whether the spikes stay the same.
    """

    node: str
    about: str
    words: str
    exact: bool

    def __str__(self) -> str:
        return f"{self.node}: {self.about}: {self.words}"

    def to_dict(self) -> dict[str, Any]:
        """The declaration as plain values."""
        return asdict(self)


def declarations_of(
    units: Units,
    folded: Units,
    done: Quantised,
    shifts: NDArray[np.int64],
    dt_s: float,
    reset: Reset,
) -> Iterator[Declaration]:
    """What quantising these neurons took, node by node."""
    timed = bool((units.keep < 1).any() or (units.keep_current > 0).any())
    words = f"a step is {dt_s:g} s, which NIR leaves open" if timed else "no node has a time constant"
    yield Declaration("graph", "time", words, not timed)
    for at, name in enumerate(units.names):
        part = slice(units.starts[at], units.starts[at + 1])
        yield Declaration(name, "sign", "neurons send +1 only; the negative output is off", True)
        yield from _reset(units, done, reset, name, part)
        yield from _leak(units, folded, shifts, name, part)
        yield from _rounding(folded, done, name, part)
        yield from _delay(units, name, part)


def saturation(network: Network, v_sat: int) -> Declaration:
    """Whether any input of NIR's spikes, which have no sign, can drive a membrane to where the chip holds it."""
    lower, upper = membrane_bounds(_with_inputs_as_neurons(network))
    reached = int(((upper > v_sat) | (-lower > v_sat))[network.n_inputs :].sum())
    words = f"membranes are held within ±{v_sat}, which some input may reach in {reached} neurons"
    return Declaration("graph", "saturation", words, reached == 0)


def _with_inputs_as_neurons(network: Network) -> Network:
    """Inputs can send -1, neurons without a negative output cannot; the numbers of sources stay what they are."""
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


def _reset(units: Units, done: Quantised, reset: Reset, name: str, part: slice) -> Iterator[Declaration]:
    if np.isnan(units.v_reset[part]).all():
        yield Declaration(name, "reset", "none: a spike takes nothing away (w_fb = 0)", True)
        return
    falls = _span(done.fall[part])
    if reset == "subtract":
        words = f"a spike takes threshold - v_reset away (w_fb = {falls})"
        yield Declaration(name, "reset", words, True)
        return
    least = np.allclose(units.fall[part], units.theta[part] - units.v_reset[part], equal_nan=True)
    taken = "threshold - v_reset" if least else "what that takes on average on the given input"
    words = f"NIR resets to v_reset; the chip takes {taken} away and keeps the rest (w_fb = {falls})"
    yield Declaration(name, "reset", words, False)


def _leak(
    units: Units, folded: Units, shifts: NDArray[np.int64], name: str, part: slice
) -> Iterator[Declaration]:
    if (units.keep_current[part] > 0).any():
        kept = _span(units.keep_current[part])
        words = f"the synaptic current, which keeps {kept} a step, is left out; its charge arrives at once"
        yield Declaration(name, "filter", words, False)
    wanted, n = folded.keep[part], shifts[part]
    if (wanted == 1).all():
        return
    given = np.where(n > 0, 1 - 0.5**n, 1.0)
    zone = f"; none while |v| < {2 ** int(n.max())}" if n.any() else ""
    words = f"membranes keep {_span(given)} a step for {_span(wanted)}, in whole numbers{zone}"
    yield Declaration(name, "leak", words, False)


def _rounding(folded: Units, done: Quantised, name: str, part: slice) -> Iterator[Declaration]:
    rows = slice(done.weights.indptr[part.start], done.weights.indptr[part.stop])
    scale = np.repeat(done.scale[part], np.diff(done.weights.indptr)[part])
    real = np.abs(folded.weights.data[rows]) * scale
    lost = int(((done.weights.data[rows] == 0) & (real > NEAR)).sum())
    off, scales = float(done.error[part].max()), _span(done.scale[part])
    words = f"scaled by {scales} and rounded by {off:.2g} of the threshold at most"
    words += f"; {lost} weights became 0" if lost else ""
    yield Declaration(name, "weights", words, off < NEAR and not lost)
    if (off := float(done.theta_error[part].max())) > NEAR:
        words = f"threshold and feedback are rounded by {off:.2g} of the threshold at most"
        yield Declaration(name, "threshold", words, False)
    if done.clipped[part].any():
        words = (
            f"{int(done.clipped[part].sum())} neurons have a weight, threshold or feedback beyond the range"
        )
        yield Declaration(name, "range", f"{words}; it was cut", False)
    if done.bias[part].any():
        words = f"a neuron that fires in every step gives {_span(done.bias[part])} to each, from the second step on"
        yield Declaration(name, "bias", words, False)


def _delay(units: Units, name: str, part: slice) -> Iterator[Declaration]:
    """Synapses on which the chip needs another number of steps than the layers of the graph are apart."""
    rows = units.weights[part].tocoo()
    level = units.level[part.start]
    source = np.where(rows.col < units.n_inputs, -1, units.level[np.maximum(rows.col - units.n_inputs, 0)])
    early = (source != level) & (source != level - 1)
    if early.any():
        words = (
            f"{int(early.sum())} synapses skip layers, and on the chip arrive before what goes through them"
        )
        yield Declaration(name, "delay", words, False)


def _span(values: NDArray[Any]) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
