"""What each hearer of a net bears of the box around it: a measure of wires that depends on where pins are alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.errors import NetworkError
from chip.layout.fabric import Fabric
from chip.layout.place import Nets, Placement

__all__ = ["wirelength_shares"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def wirelength_shares(nets: Nets, fabric: Fabric, placement: Placement, source: Any, target: Any) -> Floats:
    """What neurons would bear of the boxes around nets, were each shared by all who stretch it.

    A box is paid from its driver on, in each of the four directions, cell by cell, by all pins that lie at least as
    far: the Shapley value of that "airport game" (Littlechild and Owen, 1973). A neuron that does not listen yet is
    told what it would bear if it did. So a wire is dear where few others want it, and cheap where many do.

    Args:
        nets: what is connected, with the spike rates.
        fabric: where.
        placement: of the nets' blocks.
        source: inputs first, then neurons, as in a network, [source].
        target: neurons, [target].

    Returns:
        Cells times the net's spikes per step, [source, target]; a source that nobody hears spikes as the mean one.

    Raises:
        NetworkError: there is no such source or neuron.
    """
    sources, targets = np.atleast_1d(np.asarray(source)), np.atleast_1d(np.asarray(target))
    _within("source", sources, nets.n_inputs + nets.n_neurons)
    _within("target", targets, nets.n_neurons)
    at = fabric.position[placement.sites(fabric)]
    found = np.zeros((len(sources), len(targets)))
    for row, number in enumerate(sources.tolist()):
        driver, pins, rate = _net(nets, number)
        others = pins[None, :] != targets[:, None]
        for axis in (0, 1):
            for sign in (-1, 1):
                away = np.maximum(0, sign * (at[:, axis] - at[driver, axis]))
                found[row] += rate * _shared(away[targets], away[pins], others)
    return found


def _net(nets: Nets, source: int) -> tuple[int, Ints, float]:
    """The block that drives a source's net, those that listen to it, and its spikes per step."""
    net = int(np.searchsorted(nets.source, source))
    if net < len(nets) and nets.source[net] == source:
        pins = nets.block[nets.start[net] : nets.start[net + 1]]
        return int(pins[0]), pins[1:], float(nets.rate[net])
    driver = source - nets.n_inputs if source >= nets.n_inputs else source + nets.n_neurons
    return driver, nets.block[:0], float(nets.rate.mean()) if len(nets) else 1.0


def _shared(wanted: Ints, reached: Ints, others: NDArray[np.bool_]) -> Floats:
    """What each target pays of the cells on its way, each shared with the pins that lie at least as far.

    Args:
        wanted: cells to each target, [target].
        reached: cells to each pin of the net, [pin].
        others: whether a pin is not the target's own, [target, pin].
    """
    cell = np.arange(int(wanted.max(initial=0)))
    beyond = others.astype(np.float64) @ (reached[:, None] > cell).astype(np.float64)
    paid: Floats = ((wanted[:, None] > cell) / (1 + beyond)).sum(axis=1)
    return paid


def _within(name: str, values: NDArray[Any], limit: int) -> None:
    wrong = (values < 0) | (values >= limit)
    if values.dtype.kind not in "iu" or wrong.any():
        shown = values.reshape(-1)[int(np.argmax(wrong))]
        raise NetworkError(f"{shown} is none of the {limit} there are", where=name)
