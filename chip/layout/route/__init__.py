"""Routing: the routing tree of every net, and the smallest channel width that suffices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chip.errors import FitError
from chip.layout.fabric import Fabric
from chip.layout.place.nets import Nets
from chip.layout.place.placement import Placement
from chip.layout.route.negotiation import Negotiation, RoutingTree

__all__ = ["Routing", "RoutingTree", "min_channel_width", "route"]

_ROUNDS, _SEARCH_ROUNDS = 40, 20
# Factor from one channel width of the search to the next; channels that an error names.
_WIDTH_STEP = 0.85
_MAX_NAMED = 5


@dataclass(frozen=True, eq=False)
class Routing:
    """Routing trees of all nets; no segment holds more nets than it has tracks.

    Args:
        trees: routing tree of each net.
        usage: nets in each segment: the congestion map.
        min_width: fewest tracks per channel for which a routing was found; None without a search.
    """

    trees: tuple[RoutingTree, ...]
    usage: NDArray[np.int64]
    min_width: int | None = None


def route(
    nets: Nets,
    fabric: Fabric,
    placement: Placement,
    *,
    search: bool = False,
    compiled: bool | None = None,
) -> Routing:
    """Route all nets.

    Args:
        nets: nets to route.
        fabric: fabric of the chip.
        placement: placement of the blocks.
        search: also search for the smallest channel width; the routing for it has the least wire and is returned.
        compiled: whether to use Numba; by default where it is installed. The routes are the same.

    Raises:
        FitError: some channel overflows; names it and suggests remedies.
    """
    negotiation = Negotiation(nets, fabric, placement, compiled=compiled)
    if not negotiation.negotiate(fabric.width, rounds=_ROUNDS):
        raise _overflow(negotiation, nets)
    least = _narrow(negotiation) if search else None
    return Routing(tuple(negotiation.trees), negotiation.usage, least)


def min_channel_width(nets: Nets, fabric: Fabric, placement: Placement) -> int:
    """Search for the fewest tracks per channel for which a routing is found, whatever the fabric has."""
    negotiation = Negotiation(nets, fabric, placement)
    negotiation.negotiate(len(nets) + 1, rounds=1)
    return _narrow(negotiation)


def _narrow(negotiation: Negotiation) -> int:
    """Reduce the channel width of a legal routing as far as possible; the negotiation ends with that routing."""
    kept, widest, failed = negotiation.trees, int(negotiation.usage.max()), 0
    while widest - failed > 1:
        width = max((failed + widest) // 2, int(widest * _WIDTH_STEP), failed + 1)
        if negotiation.negotiate(width, rounds=_SEARCH_ROUNDS):
            kept, widest = negotiation.trees, int(negotiation.usage.max())
        else:
            failed = width
            negotiation.restore(kept)
    return widest


def _overflow(negotiation: Negotiation, nets: Nets) -> FitError:
    fabric, usage = negotiation.fabric, negotiation.usage
    worst = np.argsort(-usage, kind="stable")[:_MAX_NAMED]
    over = int((usage > fabric.width).sum())
    named = ", ".join(
        f"{fabric.segment_name(int(s))} holds {usage[s]}" for s in worst if usage[s] > fabric.width
    )
    largest = int(np.diff(nets.start).max())
    return FitError(
        f"cannot be routed: {over} of {fabric.n_segments} channel segments overflow their {fabric.width} tracks",
        where=fabric.segment_name(int(worst[0])),
        hint=f"{named}\n  the wires would fill {usage.mean():.0f} tracks of every channel on average; what helps: "
        f"fewer synapses, sources with targets nearby only (one net has {largest} pins now), "
        "or an architecture with more nets_per_channel",
    )
