"""Shapley shares of wirelength: a measure of wires that depends on the positions of pins alone."""

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
    """Compute the Shapley share of each sink in its net's bounding-box wirelength, for present and possible sinks.

    The box of a net is divided from its driver on, in each of the four directions: each cell is shared evenly by all
    pins that lie at least as far. This is the Shapley value of the "airport game" (Littlechild and Owen, 1973). The
    share of a neuron that is not a sink yet is the one that it would have. A wire is therefore expensive where few
    other sinks lie, and cheap where many do.

    Args:
        nets: nets with their spike rates.
        fabric: fabric of the chip.
        placement: placement of the nets' blocks.
        source: inputs first, then neurons, as in a network, [source].
        target: neurons, [target].

    Returns:
        Cells times the net's spikes per step, [source, target]; a source without a net counts as the mean one.

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
                distance = np.maximum(0, sign * (at[:, axis] - at[driver, axis]))
                found[row] += rate * _shared(distance[targets], distance[pins], others)
    return found


def _net(nets: Nets, source: int) -> tuple[int, Ints, float]:
    """Return the block that drives a source's net, its sinks, and its spikes per step."""
    net = int(np.searchsorted(nets.source, source))
    if net < len(nets) and nets.source[net] == source:
        pins = nets.block[nets.start[net] : nets.start[net + 1]]
        return int(pins[0]), pins[1:], float(nets.rate[net])
    driver = source - nets.n_inputs if source >= nets.n_inputs else source + nets.n_neurons
    return driver, nets.block[:0], float(nets.rate.mean()) if len(nets) else 1.0


def _shared(target_cells: Ints, pin_cells: Ints, others: NDArray[np.bool_]) -> Floats:
    """Sum the cells up to each target, each divided by the number of pins that need it too.

    Args:
        target_cells: cells from the driver to each target, [target].
        pin_cells: cells from the driver to each pin of the net, [pin].
        others: whether a pin is not the target's own, [target, pin].
    """
    cell = np.arange(int(target_cells.max(initial=0)))
    beyond = others.astype(np.float64) @ (pin_cells[:, None] > cell).astype(np.float64)
    shares: Floats = ((target_cells[:, None] > cell) / (1 + beyond)).sum(axis=1)
    return shares


def _within(name: str, values: NDArray[Any], limit: int) -> None:
    wrong = (values < 0) | (values >= limit)
    if values.dtype.kind not in "iu" or wrong.any():
        shown = values.reshape(-1)[int(np.argmax(wrong))]
        raise NetworkError(f"{shown} is none of the {limit} there are", where=name)
