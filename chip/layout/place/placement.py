"""Placement of blocks on sites, and the wirelength of its nets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chip.errors import FitError
from chip.layout.fabric import Fabric
from chip.layout.place.nets import Nets

__all__ = ["Placement", "box_lengths", "half_perimeters"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Placement:
    """Legal placement: every block on a site of its kind, no site twice.

    Args:
        cell: cell of each neuron.
        input_pad: pad of each input, numbered from 0.
        output_pad: pad of each output, numbered from 0.
    """

    cell: Ints
    input_pad: Ints
    output_pad: Ints

    def sites(self, fabric: Fabric) -> Ints:
        """Return the site of each block: neurons, inputs, outputs."""
        pads = self.input_pad + fabric.n_cells, self.output_pad + fabric.first_output
        return np.concatenate([self.cell, *pads]).astype(np.int64)

    @classmethod
    def from_sites(cls, site: Ints, nets: Nets, fabric: Fabric) -> Placement:
        """Build the placement with these sites of all blocks.

        Raises:
            FitError: a site is used twice or is not of the block's kind.
        """
        ends = np.cumsum([0, nets.n_neurons, nets.n_inputs, nets.n_outputs])
        firsts = [0, fabric.n_cells, fabric.first_output, fabric.n_sites]
        parts = []
        for kind in range(3):
            part = site[ends[kind] : ends[kind + 1]] - firsts[kind]
            outside = (part < 0) | (part >= firsts[kind + 1] - firsts[kind])
            if outside.any() or np.unique(part).size != part.size:
                raise FitError(
                    "puts two blocks on one site, or a block where none belongs", where="placement"
                )
            parts.append(part)
        return cls(*parts)


def half_perimeters(nets: Nets, fabric: Fabric, placement: Placement) -> Ints:
    """Compute width plus height of the box around the pins of each net, in cells, int64[net]."""
    return box_lengths(nets, fabric, placement.sites(fabric))


def box_lengths(nets: Nets, fabric: Fabric, site: Ints) -> Ints:
    """Compute ``half_perimeters`` for the sites of all blocks, legal or not."""
    if not len(nets):
        return np.zeros(0, np.int64)
    at = fabric.position[site][nets.block]
    first = nets.start[:-1]
    extent = np.maximum.reduceat(at, first, axis=0) - np.minimum.reduceat(at, first, axis=0)
    total: Ints = extent.sum(axis=1)
    return total
