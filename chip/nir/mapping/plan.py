"""Ways to lay a NIR graph out on the chip, from the cheapest to the most exact."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PLANS", "Plan"]


@dataclass(frozen=True)
class Plan:
    """One way to map neurons.

    Args:
        relayed: whether inputs pass relay neurons, one step late: they can then have copies, which add up to weights
            beyond the range of one synapse, and the constant input of the first layer begins with the first spikes.
        taps: whether responses to a spike are matched by delayed synapses; see ``taps``.
        leak: whether cells leak; if not, the taps alone do.
        copies: largest number of copies of a source.
        tolerance: largest deviation of a membrane after one event that taps leave, as a share of the threshold.
        rounds: whether every second step takes 1 from neurons that leak. A cell drops fractions, so that it leaks
            half a unit a step too little while its membrane is above 2^n; this makes up for it.
    """

    relayed: bool = False
    taps: bool = False
    leak: bool = True
    copies: int = 1
    tolerance: float = 0.0
    rounds: bool = False


PLANS = (
    Plan(),
    Plan(relayed=True, copies=8),
    Plan(relayed=True, copies=8, rounds=True),
    *(
        Plan(relayed=True, taps=True, leak=leak, copies=8, tolerance=tolerance)
        for leak, tolerance in ((False, 0.012), (False, 0.006), (False, 0.03), (True, 0.012))
    ),
)
"""Layouts in the order in which they are tried, until one agrees with the graph."""
